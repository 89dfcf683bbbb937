import type { EnvelopeKind, StateChange } from './envelope.ts'
import type { SignalHead } from './pod-envelopes.ts'
import { samples } from './samples.ts'

const { target } = samples.bind
const old = { ...target, connection: 11 }
const raw = Buffer.from('<presence/>')
const slices = { 'XEP-0280': { isEnabled: true } }
const remembered = { presence: raw, isInterested: true, slices }

/** Every change of a session that travels to routing, with all its fields. */
export const stateChanges: { readonly [C in StateChange['change']]: Extract<StateChange, { change: C }> } = {
  bound: { change: 'bound', resource: 'orchard', target, reply: raw },
  updated: { change: 'updated', resource: 'orchard', isAvailable: true, priority: -3, slices },
  ended: { change: 'ended', resource: 'orchard', target, acked: 2 ** 33 },
  settings: { change: 'settings', slices },
  kicked: { change: 'kicked', target, condition: 'conflict', text: 'Replaced' },
  refused: { change: 'refused', target, reply: raw },
  enabled: { change: 'enabled', resource: 'orchard', target, smId: 'a1', maxSeconds: 300 },
  hibernated: { change: 'hibernated', resource: 'orchard', target, acked: 5 },
  resumed: {
    change: 'resumed',
    resource: 'orchard',
    smId: 'a1',
    target,
    old,
    h: 2 ** 32 - 1,
    count: 4,
    ordinal: 6,
    maxSeconds: 300,
    remembered,
  },
  restored: {
    change: 'restored',
    resource: 'orchard',
    target,
    isAvailable: true,
    priority: 1,
    slices,
    sm: { id: 'a1', maxSeconds: 300, written: 2 ** 33, acked: 5 },
  },
  resumeRefused: { change: 'resumeRefused', target, h: 7 },
}

/** Every news of stream management, with all its fields. */
export const signalHeads: { readonly [S in SignalHead['signal']]: Extract<SignalHead, { signal: S }> } = {
  enabled: { signal: 'enabled', smId: 'a1', maxSeconds: 300 },
  resumed: {
    signal: 'resumed',
    smId: 'a1',
    jid: 'a@b/c',
    maxSeconds: 300,
    count: 4,
    ordinal: 6,
    acked: 2 ** 33,
    remembered,
  },
  resumeRefused: { signal: 'resumeRefused', h: 7 },
  recount: { signal: 'recount' },
  handledTooHigh: { signal: 'handledTooHigh', h: 9, sent: 8 },
}

/** Further heads whose fields may be missing, with all of them. */
export const fullHeads = {
  bind: {
    ...samples.bind,
    head: { ...samples.bind.head, resource: '', iqId: '', tag: 'phone', sm: { maxSeconds: 300 }, features: ['{a}b'] },
  },
  drop: { ...samples.drop, head: { reason: 'closed', acked: 2 ** 33 } },
  deliver: {
    ...samples.deliver,
    head: {
      isReplay: true,
      isOwn: true,
      resource: 'orchard',
      isRedelivery: true,
      except: ['balcony'],
      offlineId: '1000',
    },
  },
  ask: { ...samples.ask, head: { call: { query: 'load' }, reply: { to: 'session' } } },
} as const satisfies { readonly [K in EnvelopeKind]?: (typeof samples)[K] }
