import type { Effect, PointRun, Registry, RoutingContext, SessionView } from '@starling/core'
import { type BareJid, fullJid, resourcepartOf } from '@starling/jid'
import { type Stanza, stanzaError } from '@starling/stanza'
import { archiveId, type DeliverHead, type Place } from '@starling/wire'
import type { RoutedAccount, RoutedSession, Slices } from './account.ts'
import { type Choice, choose } from './choose.ts'
import type { Outputs } from './outputs.ts'

/** What delivering needs to know beside the stanza. */
export interface DeliveryContext {
  readonly registry: Registry
  readonly domain: BareJid
  readonly account: BareJid
  /** Sessions whose pods live. */
  readonly state: RoutedAccount
  readonly place: Place
  readonly atMs: number
  readonly outputs: Outputs
}

/** Delivers a stanza to an account or one resource of it. Source: RFC 6121 §8.5. */
export function deliver(stanza: Stanza, head: DeliverHead, context: DeliveryContext): void {
  const { outputs, state } = context
  if (head.resource !== undefined) {
    const session = state.sessions.get(head.resource)
    if (session !== undefined) outputs.write(session.target, stanza.raw)
    return
  }
  if (head.isOwn !== true) {
    const guarded = at('routing.deliver', 'guard', stanza, context, [])
    if (guarded.isStopped) {
      if (guarded.error !== undefined) outputs.bounce(stanza, guarded.error)
      return
    }
  }
  const choice = choose(stanza, stanza.to, state.sessions)
  if (stanza.kind !== 'message' || head.isReplay === true) {
    settle(stanza, choice, head, context)
    return
  }
  const chosen = choice.fate === 'deliver' ? choice.resources : []
  const stamped = at('routing.deliver', 'stamp', stanza, context, chosen).stanza
  settle(stamped, choice, head, context)
  if (choice.fate === 'bounce' || choice.fate === 'ignore') return
  for (const phase of ['copy', 'keep', 'trim'] as const) {
    perform(at('routing.deliver', phase, stamped, context, chosen).effects, context)
  }
}

/** Delivers a presence stanza for many accounts to one of them; the pod writes the `to`. */
export function deliverCast(
  stanza: Stanza,
  to: string,
  context: DeliveryContext,
): readonly { session: RoutedSession; to: string }[] {
  if (at('routing.deliver', 'guard', stanza, context, []).isStopped) return []
  const choice = choose(stanza, to, context.state.sessions)
  if (choice.fate !== 'deliver') return []
  return choice.resources.flatMap((resource) => {
    const session = context.state.sessions.get(resource)
    return session === undefined ? [] : [{ session, to }]
  })
}

/** The sender's own copy of a message it sent: what its other resources get. Source: XEP-0280 §8 */
export function sentCopy(stanza: Stanza, context: DeliveryContext): void {
  const sender = stanza.from === '' ? '' : resourcepartOf(stanza.from)
  const contextOf = contexts(context, [sender])
  perform(context.registry.runAll('routing.sentCopy', stanza, contextOf).effects, context)
}

/** Does what was chosen. */
function settle(stanza: Stanza, choice: Choice, head: DeliverHead, context: DeliveryContext): void {
  const { outputs, state, place, atMs, account } = context
  switch (choice.fate) {
    case 'deliver': {
      const sessions = choice.resources.flatMap((resource) => {
        const session = state.sessions.get(resource)
        return session === undefined ? [] : [{ session, to: '' }]
      })
      outputs.writeAll(sessions, stanza.raw)
      return
    }
    case 'offline': {
      if (head.isReplay === true) {
        // An offline stanza whose resource went again: kept under a new id, in the order of this inbox.
        outputs.emit('storage', { kind: 'offline', key: account, atMs, stanza, head: { id: archiveId(place) } })
        return
      }
      const guarded = at('routing.offline', 'guard', stanza, context, [])
      if (guarded.isStopped) {
        if (guarded.error !== undefined) outputs.bounce(stanza, guarded.error)
        return
      }
      outputs.emit('storage', { kind: 'offline', key: account, atMs, stanza, head: { id: archiveId(place) } })
      return
    }
    case 'bounce':
      outputs.bounce(stanza, stanzaError('service-unavailable'))
      return
    case 'ignore':
      return
    default:
      choice satisfies never
  }
}

/** Performs the effects that routing knows; others are a module's bug and do nothing. */
function perform(effects: PointRun['effects'], context: DeliveryContext): void {
  for (const { effect } of effects) {
    if (isDeliver(effect)) {
      const session = context.state.sessions.get(effect.resource)
      if (session !== undefined) context.outputs.write(session.target, effect.stanza.raw)
    }
  }
}

function isDeliver(effect: Effect): effect is Extract<Effect, { do: 'deliver' }> {
  return effect.do === 'deliver'
}

function at(
  point: 'routing.deliver' | 'routing.offline',
  phase: 'guard' | 'stamp' | 'copy' | 'keep' | 'trim',
  stanza: Stanza,
  context: DeliveryContext,
  chosen: readonly string[],
): PointRun {
  return context.registry.run(point, phase, stanza, contexts(context, chosen))
}

/** A module's context in routing: its own slices. */
function contexts(context: DeliveryContext, chosen: readonly string[]): (moduleId: string) => RoutingContext {
  const { registry, domain, account, state, place, atMs } = context
  let ids = 0
  return (moduleId) => ({
    domain,
    account,
    nowMs: atMs,
    id: () => {
      ids += 1
      return `${archiveId(place)}-${ids}`
    },
    option: registry.option,
    support: registry.support,
    accountSlice: slice(state.slices, moduleId, registry.initialAccountSlice(moduleId)),
    slice: (other) => slice(state.slices, other, registry.initialAccountSlice(other)),
    // Made when asked for: most handlers look at the stanza alone
    get sessions() {
      return [...state.sessions].map(([resource, session]) => view(account, resource, session, moduleId, registry))
    },
    chosen,
    archiveId: archiveId(place),
  })
}

function view(
  account: BareJid,
  resource: string,
  session: RoutedSession,
  moduleId: string,
  registry: Registry,
): SessionView {
  return {
    resource,
    jid: fullJid(account, resource),
    isAvailable: session.isAvailable,
    isInterested: false,
    priority: session.priority,
    slice: slice(session.slices, moduleId, registry.initialSlice(moduleId)),
  }
}

function slice(slices: Slices, moduleId: string, initial: Slices[string]): Slices[string] {
  return slices[moduleId] ?? initial
}
