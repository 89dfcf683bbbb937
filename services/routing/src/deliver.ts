import type { Effect, PointRun, Registry } from '@starling/core'
import { resourcepartOf } from '@starling/jid'
import { type Stanza, stanzaError } from '@starling/stanza'
import { archiveId, type Bundle, type DeliverHead, type Place, type Target, unpackRecord } from '@starling/wire'
import type { RoutedSession } from './account.ts'
import { isConnected, nameOf } from './audience.ts'
import { type Choice, choose } from './choose.ts'
import { contexts } from './module-context.ts'
import type { Outputs, Parcel, Receiver } from './outputs.ts'
import type { Working } from './working.ts'

/** What delivering needs to know beside the stanza. */
export interface DeliveryContext {
  readonly registry: Registry
  readonly at: Working
  /** Sessions that may get it. */
  readonly sessions: ReadonlyMap<string, RoutedSession>
  readonly isDead: (target: Target) => boolean
  readonly place: Place
  readonly atMs: number
  readonly outputs: Outputs
}

type DeliverEffect = Extract<Effect, { do: 'deliver' }>

/** Delivers a stanza to an account or one resource of it. Source: RFC 6121 §8.5. */
export function deliver(stanza: Stanza, head: DeliverHead, context: DeliveryContext): void {
  const { outputs, sessions } = context
  if (head.resource !== undefined) {
    // What was meant for this resource alone is nobody else's when its session ends
    hand([head.resource], parcelOf(stanza, { isRequest: false, isRedeliverable: false }, context), context)
    return
  }
  if (head.isRedelivery === true) {
    deliverAgain(stanza, head, context)
    return
  }
  if (head.isOwn !== true) {
    const guarded = at('routing.deliver', 'guard', stanza, context, [])
    if (guarded.isStopped) {
      if (guarded.error !== undefined) outputs.bounce(stanza, guarded.error)
      return
    }
  }
  const choice = choose(stanza, stanza.to, sessions)
  if (stanza.kind !== 'message' || head.isReplay === true) {
    settle(stanza, choice, { head, copies: [] }, context)
    return
  }
  const chosen = choice.fate === 'deliver' ? choice.resources : []
  const stamped = at('routing.deliver', 'stamp', stanza, context, chosen).stanza
  const copies =
    choice.fate === 'bounce' || choice.fate === 'ignore'
      ? []
      : (['copy', 'keep', 'trim'] as const).flatMap((phase) =>
          deliveries(at('routing.deliver', phase, stamped, context, chosen), context),
        )
  settle(stamped, choice, { head, copies }, context)
  handCopies(copies, context)
}

/** Delivers what a resource asked for to it alone. Errors: bytes that are no bundle are a bug of who wrote them. */
export function deliverBundle({ head, raw, atMs }: Bundle, { at: account, sessions, outputs }: DeliveryContext): void {
  const stanzas = unpackRecord(raw)
  if (!stanzas.ok) throw new Error(`a bundle cannot be read: ${stanzas.error}`)
  if (!sessions.has(head.resource)) return
  outputs.bundle(
    { at: account, resource: head.resource, to: '' },
    stanzas.value.map((one) => ({ ...unknown, atMs, raw: one })),
    raw,
  )
}

/** Chooses who gets a presence stanza for many accounts at one of them; the pod writes the `to`. */
export function castReceivers(stanza: Stanza, to: string, context: DeliveryContext): readonly Receiver[] {
  if (at('routing.deliver', 'guard', stanza, context, []).isStopped) return []
  const choice = choose(stanza, to, context.sessions)
  if (choice.fate !== 'deliver') return []
  return choice.resources.map((resource) => ({ at: context.at, resource, to }))
}

/** What is remembered of a stanza that many accounts get. */
export function castParcel(stanza: Stanza, atMs: number): Parcel {
  return { ...unknown, isRedeliverable: isRedeliverable(stanza), atMs, raw: stanza.raw }
}

/** The sender's own copy of a message it sent: what its other resources get. Source: XEP-0280 §8 */
export function sentCopy(stanza: Stanza, context: DeliveryContext): void {
  const sender = stanza.from === '' ? '' : resourcepartOf(stanza.from)
  const { sessions } = context
  // Most accounts have one device: nobody is there who could get a copy
  if (sessions.size === 0 || (sessions.size === 1 && sessions.has(sender))) return
  const run = context.registry.runAll('routing.sentCopy', stanza, contexts(context, [sender]))
  handCopies(deliveries(run, context), context)
}

/** Does what was chosen. */
function settle(
  stanza: Stanza,
  choice: Choice,
  { head, copies }: { readonly head: DeliverHead; readonly copies: readonly DeliverEffect[] },
  context: DeliveryContext,
): void {
  const { outputs, place } = context
  switch (choice.fate) {
    case 'deliver': {
      const isRequest = head.isOwn !== true && stanza.kind === 'iq' && (stanza.type === 'get' || stanza.type === 'set')
      const parcel = parcelOf(stanza, { isRequest, isRedeliverable: isRedeliverable(stanza) }, context)
      hand(choice.resources, parcel, context, copies)
      return
    }
    case 'offline': {
      if (head.isReplay !== true) {
        const guarded = at('routing.offline', 'guard', stanza, context, [])
        if (guarded.isStopped) {
          if (guarded.error !== undefined) outputs.bounce(stanza, guarded.error)
          return
        }
      }
      // An offline stanza whose resource went again is kept under a new id, in the order of this inbox.
      keepOffline(stanza, archiveId(place), context)
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

/**
 * What a session left unacknowledged: to others of the account, else offline; it is never answered with an error, as its client
 * may have it. Source: XEP-0198 §4 (treated as sent to an unavailable resource); R6.
 */
function deliverAgain(stanza: Stanza, head: DeliverHead, context: DeliveryContext): void {
  const { sessions, at: account, isDead, place } = context
  const except = head.except ?? []
  const others = except.length === 0 ? sessions : new Map([...sessions].filter(([name]) => !except.includes(name)))
  const choice = choose(stanza, account.account, others)
  if (choice.fate === 'deliver') {
    hand(choice.resources, parcelOf(stanza, { isRequest: false, isRedeliverable: true }, context), context)
    return
  }
  if (choice.fate !== 'offline') return // RFC 6121 §8.5.2.1.1: of no use to others
  // Somebody is there who has a copy: the account has it
  const isThere = (name: string): boolean => {
    const session = account.now.sessions.get(name)
    return session !== undefined && isConnected(session, isDead)
  }
  if (except.some(isThere)) return
  if (at('routing.offline', 'guard', stanza, context, []).isStopped) return
  keepOffline(stanza, head.offlineId ?? archiveId(place), context)
}

function keepOffline(stanza: Stanza, id: string, { outputs, at: { account }, atMs }: DeliveryContext): void {
  outputs.emit('storage', { kind: 'offline', key: account, atMs, stanza, head: { id } })
}

// RFC 6121 §8.5.2.1.1: an error or a groupchat message to the bare JID would be ignored or refused anyway
function isRedeliverable({ kind, type }: Stanza): boolean {
  return kind === 'message' && type !== 'error' && type !== 'groupchat'
}

const unknown = { isRequest: false, isRedeliverable: false, holders: [], copies: [] } as const

function parcelOf(
  { raw }: Stanza,
  what: Pick<Parcel, 'isRequest' | 'isRedeliverable'>,
  { atMs }: DeliveryContext,
): Parcel {
  return { ...unknown, ...what, atMs, raw }
}

/** Hands a parcel to resources; where several have it or a copy, each entry knows who else. */
function hand(
  resources: readonly string[],
  parcel: Parcel,
  context: DeliveryContext,
  copies: readonly DeliverEffect[] = [],
): void {
  const { at: account, sessions, outputs } = context
  const receivers = resources.flatMap((resource) => (sessions.has(resource) ? [{ at: account, resource, to: '' }] : []))
  if (!parcel.isRedeliverable || receivers.length + copies.length < 2) {
    outputs.deliver(receivers, () => parcel)
    return
  }
  const namesOf = (some: readonly { readonly resource: string }[]): readonly string[] =>
    some.flatMap(({ resource }) => {
      const session = sessions.get(resource)
      return session === undefined ? [] : [nameOf(session)]
    })
  const all = namesOf(receivers)
  const copied = namesOf(copies)
  outputs.deliver(receivers, (session) => {
    const own = nameOf(session)
    return { ...parcel, holders: all.filter((name) => name !== own), copies: copied }
  })
}

/** Hands copies over: they are not delivered again, who has the stanza itself answers for it. */
function handCopies(copies: readonly DeliverEffect[], context: DeliveryContext): void {
  for (const { resource, stanza } of copies) {
    hand([resource], parcelOf(stanza, { isRequest: false, isRedeliverable: false }, context), context)
  }
}

/** The effects that routing knows, to sessions that are there; others are a module's bug and do nothing. */
function deliveries({ effects }: Pick<PointRun, 'effects'>, { sessions }: DeliveryContext): readonly DeliverEffect[] {
  return effects.flatMap(({ effect }) => (effect.do === 'deliver' && sessions.has(effect.resource) ? [effect] : []))
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
