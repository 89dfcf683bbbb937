import type { AccountState } from '@starling/core'
import { decodeJson, encodeJson, type Json, type Target } from '@starling/wire'

/** Slices by module id. */
export type Slices = { readonly [moduleId: string]: Json }

/** Stream management of a session (R4). */
export interface SmSession {
  /** Its SM-ID, and the name of its queue. */
  readonly id: string
  /** Units: s; 0 when it cannot be resumed. */
  readonly maxSeconds: number
  /** Ordinal of the last delivery; 0 before the first. */
  readonly last: number
  /** Ordinal up to which its client has everything, as records of this inbox say: the queue may be trimmed further. */
  readonly acked: number
  /** Ordinal up to which presence lost what the client had not acknowledged (R11): no queue holds it. */
  readonly lostTo?: number
  /** Since its connection is known to be gone. */
  readonly hibernation?: Hibernation
}

/** What has gathered for a session whose connection is gone. */
export interface Hibernation {
  /** Ordinal of the last delivery before. */
  readonly from: number
  /** Units: bytes of the entries since. */
  readonly bytes: number
}

/** A session as routing knows it, from the records of its own inbox alone (R5). */
export interface RoutedSession {
  readonly target: Target
  readonly isAvailable: boolean
  readonly priority: number
  readonly slices: Slices
  readonly sm?: SmSession
}

/** Routing's state of one account. */
export interface RoutedAccount {
  readonly slices: Slices
  readonly sessions: ReadonlyMap<string, RoutedSession>
}

/** An account that nothing is known of. */
export const nobody: RoutedAccount = { slices: {}, sessions: new Map() }

const settingsField = '@'
const sessionPrefix = 's:'
/** What changes with every delivery stands apart, so that a delivery writes some bytes and not the session. */
const counterPrefix = 'n:'

type SessionField = readonly [
  number,
  number,
  number,
  number,
  number,
  Slices,
  (readonly [string, number, number, number, number?])?,
]

/** Reads an account's state. Errors: a field that cannot be read counts as absent: a newer version wrote it. */
export function readAccount({ fields }: AccountState, decode = decodeJson): RoutedAccount {
  const sessions = new Map<string, RoutedSession>()
  let slices: Slices = {}
  for (const [field, bytes] of fields) {
    if (field.startsWith(counterPrefix)) continue
    const value = decode(bytes)
    if (value === undefined || value === null) continue
    if (field === settingsField) slices = value as Slices
    else if (field.startsWith(sessionPrefix)) {
      const resource = field.slice(sessionPrefix.length)
      const counter = fields.get(counterPrefix + resource)
      sessions.set(resource, readSession(value as SessionField, counter))
    }
  }
  return { slices, sessions }
}

/**
 * A reader that decodes each field once: what is remembered of an account is the same value until it changes (ADR 11), and then only
 * the sessions that changed are read again.
 */
export function accountReader(): (state: AccountState) => RoutedAccount {
  const accounts = new WeakMap<AccountState, RoutedAccount>()
  const fields = new WeakMap<Uint8Array, unknown>()
  const decode = (bytes: Uint8Array): unknown => {
    if (fields.has(bytes)) return fields.get(bytes)
    const value = decodeJson(bytes)
    fields.set(bytes, value)
    return value
  }
  return (state) => {
    const found = accounts.get(state) ?? readAccount(state, decode)
    accounts.set(state, found)
    return found
  }
}

function readSession([slot, epoch, connection, isAvailable, priority, slices, sm]: SessionField, counter?: Uint8Array) {
  const session: RoutedSession = {
    target: { slot, epoch, connection },
    isAvailable: isAvailable === 1,
    priority,
    slices,
  }
  if (sm === undefined) return session
  const [id, maxSeconds, from, acked, lostTo] = sm
  const { last, bytes } = readCounter(counter)
  const hibernation = from < 0 ? {} : { hibernation: { from, bytes } }
  const lost = lostTo === undefined ? {} : { lostTo }
  return { ...session, sm: { id, maxSeconds, last, acked, ...hibernation, ...lost } }
}

function readCounter(counter: Uint8Array | undefined): { readonly last: number; readonly bytes: number } {
  if (counter === undefined || counter.length < counterBytes) return { last: 0, bytes: 0 }
  const view = Buffer.from(counter.buffer, counter.byteOffset, counter.length)
  return { last: view.readUIntBE(0, 6), bytes: view.readUIntBE(6, 6) }
}

const counterBytes = 12

function encodeCounter({ last, hibernation }: SmSession): Uint8Array {
  const out = Buffer.allocUnsafe(counterBytes)
  out.writeUIntBE(last, 0, 6)
  out.writeUIntBE(hibernation?.bytes ?? 0, 6, 6)
  return out
}

function encodeSession({ target, isAvailable, priority, slices, sm }: RoutedSession): Uint8Array {
  const { slot, epoch, connection } = target
  const plain = [slot, epoch, connection, isAvailable ? 1 : 0, priority, slices] as const
  if (sm === undefined) return encodeJson(plain)
  const { id, maxSeconds, hibernation, acked, lostTo } = sm
  const counts = [id, maxSeconds, hibernation?.from ?? notHibernating, acked] as const
  const field: SessionField = [...plain, lostTo === undefined ? counts : [...counts, lostTo]]
  return encodeJson(field)
}

const notHibernating = -1

/**
 * The fields that differ between two states of an account, and all of sessions that were touched between: the fields take any of
 * the states between to the later one, too, for another owner may have saved that meanwhile (R3).
 */
export function changedFields(
  before: RoutedAccount,
  after: RoutedAccount,
  touched: ReadonlySet<string>,
): { readonly set: ReadonlyMap<string, Uint8Array>; readonly remove: readonly string[] } {
  const set = new Map<string, Uint8Array>()
  const remove: string[] = []
  for (const [resource, session] of after.sessions) {
    const old = before.sessions.get(resource)
    if (old === session) continue
    const isTouched = touched.has(resource)
    if (isTouched || old === undefined || !isSameButCounter(old, session)) {
      set.set(sessionPrefix + resource, encodeSession(session))
    }
    if (session.sm === undefined) {
      if (isTouched || old?.sm !== undefined) remove.push(counterPrefix + resource)
    } else if (old?.sm !== session.sm) set.set(counterPrefix + resource, encodeCounter(session.sm))
  }
  for (const resource of new Set([...before.sessions.keys(), ...touched])) {
    if (!after.sessions.has(resource)) remove.push(sessionPrefix + resource, counterPrefix + resource)
  }
  if (before.slices !== after.slices) {
    if (Object.keys(after.slices).length === 0) remove.push(settingsField)
    else set.set(settingsField, encodeJson(after.slices))
  }
  return { set, remove }
}

/** Whether all that stands in the session's own field is the same. */
function isSameButCounter(one: RoutedSession, other: RoutedSession): boolean {
  return (
    one.target === other.target &&
    one.isAvailable === other.isAvailable &&
    one.priority === other.priority &&
    one.slices === other.slices &&
    one.sm?.id === other.sm?.id &&
    one.sm?.maxSeconds === other.sm?.maxSeconds &&
    one.sm?.acked === other.sm?.acked &&
    one.sm?.lostTo === other.sm?.lostTo &&
    one.sm?.hibernation?.from === other.sm?.hibernation?.from
  )
}

/** Whether two targets are the same connection. */
export function sameTarget(one: Target, other: Target): boolean {
  return one.slot === other.slot && one.epoch === other.epoch && one.connection === other.connection
}

/** The account with a session new or changed. */
export function withSession(account: RoutedAccount, resource: string, session: RoutedSession): RoutedAccount {
  return { ...account, sessions: new Map(account.sessions).set(resource, session) }
}

/** The account without a session; with the last one the settings go too: the next bind brings them anew. */
export function withoutSession(account: RoutedAccount, resource: string): RoutedAccount {
  const sessions = new Map(account.sessions)
  sessions.delete(resource)
  return { sessions, slices: sessions.size === 0 ? {} : account.slices }
}

/** Whether the session takes messages sent to the bare JID. Source: RFC 6121 §8.5.2.1. */
export function takesMessages(session: RoutedSession | undefined): boolean {
  return session?.isAvailable === true && session.priority >= 0
}
