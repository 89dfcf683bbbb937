import type { FullJid, Jid } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import type { Envelope, EnvelopeKind } from './envelope.ts'
import type { Target } from './envelope-parts.ts'
import { packRecord } from './record.ts'

const target: Target = { slot: 7, epoch: 2 ** 40 + 3, connection: 12 }
const base = { key: 'romeo@example.org', atMs: 1_764_000_000_123 } as const
const cause = { inbox: 1, partition: 63, offset: 2 ** 45 + 1, index: 131_075 } as const
const stanza: Stanza = {
  kind: 'message',
  type: 'chat',
  id: 'm1',
  from: 'romeo@example.org/orchard' as FullJid,
  to: 'juliet@example.org' as Jid,
  payloads: ['{jabber:client}body', '{urn:xmpp:hints}store'],
  raw: Buffer.from("<message to='juliet@example.org'><body>Ü</body></message>"),
}
const raw = Buffer.from("<iq type='result' id='b'/>")

/** One envelope of every kind, for round trips and for the fixtures of each wire version. */
export const samples: { readonly [K in EnvelopeKind]: Extract<Envelope, { kind: K }> } = {
  bind: { ...base, kind: 'bind', target, head: { resource: 'orchard', iqId: 'b', generation: 4, lang: 'it' } },
  client: { ...base, kind: 'client', target, ordinal: 2 ** 33, stanza },
  enable: { ...base, kind: 'enable', target, head: { maxSeconds: 300 } },
  resume: { ...base, kind: 'resume', target, head: { smId: 'a1', h: 2 ** 32 - 1, generation: 5, lang: '' } },
  reassert: {
    ...base,
    kind: 'reassert',
    target,
    ordinal: 2 ** 33,
    head: {
      resource: 'orchard',
      generation: 4,
      lang: 'it',
      presence: raw,
      isInterested: true,
      slices: { 'XEP-0280': { isEnabled: true } },
      sm: { id: 'a1', base: -3, maxSeconds: 300, written: 2 ** 33, acked: 5 },
    },
  },
  expire: { ...base, kind: 'expire', target },
  answered: { ...base, kind: 'answered', target, ordinal: 7, stanza },
  account: { ...base, kind: 'account', stanza, cause },
  drop: { ...base, kind: 'drop', target, head: { reason: 'closed' } },
  loaded: {
    ...base,
    kind: 'loaded',
    cause,
    head: { roster: { version: '1', items: [{ request: new Uint8Array([1, 2]) }] } },
    carried: raw,
  },
  accountChanged: { ...base, kind: 'accountChanged', cause, head: { change: 'deleted' } },
  deliver: { ...base, kind: 'deliver', cause, stanza, head: { isReplay: true, resource: 'orchard' } },
  bundle: { ...base, kind: 'bundle', cause, head: { resource: 'orchard' }, raw: packRecord([raw, raw]) },
  cast: { ...base, key: '', kind: 'cast', cause, keys: ['a@example.org', 'b@example.org'], stanza },
  sent: { ...base, kind: 'sent', cause, stanza },
  state: { ...base, kind: 'state', cause, head: { change: 'bound', resource: 'orchard', target, reply: raw } },
  recount: { ...base, kind: 'recount', target },
  podDied: { ...base, key: '', kind: 'podDied', slot: 7, epoch: 2 ** 40 },
  request: {
    ...base,
    kind: 'request',
    cause,
    stanza,
    head: { scope: 'self', isAvailable: true, slices: { 'XEP-0191': ['x@y'] } },
  },
  write: {
    ...base,
    kind: 'write',
    cause,
    head: { query: 'document.remove', args: { owner: 'a@b', kind: 'k', name: 'n' } },
  },
  ask: {
    ...base,
    kind: 'ask',
    head: { call: { query: 'load' }, reply: { to: 'pod', target, question: 9 } },
    carried: raw,
  },
  offline: { ...base, kind: 'offline', cause, stanza, head: { id: '1000' } },
  flush: { ...base, kind: 'flush', cause, head: { resource: 'orchard' } },
  output: {
    ...base,
    key: '',
    kind: 'output',
    cause,
    slot: 7,
    epoch: 99,
    recipients: [
      { connection: 12, to: '' },
      { connection: 13, to: 'é@b', ordinal: 2 ** 33 },
    ],
    raw,
  },
  outputBundle: {
    ...base,
    key: '',
    kind: 'outputBundle',
    cause,
    slot: 7,
    epoch: 99,
    recipients: [{ connection: 12, to: '', ordinal: 2 ** 33 }],
    raw: packRecord([raw, raw]),
  },
  bound: { ...base, key: '', kind: 'bound', cause, target, head: { jid: 'romeo@example.org/orchard' }, raw },
  signal: {
    ...base,
    key: '',
    kind: 'signal',
    cause,
    target,
    head: { signal: 'resumed', smId: 'a1', jid: 'a@b/c', maxSeconds: 300, count: 4, ordinal: 6, acked: 2 ** 33 },
  },
  close: { ...base, key: '', kind: 'close', cause, target, head: { condition: 'conflict', text: 'Replaced' } },
  answer: { ...base, key: '', kind: 'answer', cause, target, head: { question: 9, result: { credentials: 'x' } } },
  lease: { ...base, key: '', kind: 'lease', head: { pod: 'cm-1' } },
}
