import type { AccountState, StateSave } from '@starling/core'
import type { BareJid, Jid } from '@starling/jid'
import { decodeJson, encodeJson, type Target } from '@starling/wire'
import { type Account, blankAccount, type Session, type Slices, type StreamManagement } from './account.ts'
import { nameOf } from './stream-management.ts'

// Fields: '@' the account, 'r:' + resource a session, 'p:' + resource its presence stanza.
const accountField = '@'
const sessionField = 'r:'
const presenceField = 'p:'

interface StoredAccount {
  /** Loaded slices; missing when not loaded. */
  readonly s?: Slices
  readonly p?: number
  readonly a?: string
  readonly k?: number
  readonly v?: string
  /** Kicked connections: slot, epoch, connection, count. */
  readonly x?: readonly (readonly [number, number, number, number])[]
}

/** Count when enabled, seconds it is kept, SM-ID where it is not that of the connection (the session was resumed). */
type StoredSm = readonly [number, number, string?]

/** Slot, epoch, connection, generation, count, flags, priority, language, slices, directed presence, stream management. */
type StoredSession = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  string?,
  (Slices | 0)?,
  (readonly Jid[] | 0)?,
  StoredSm?,
]

const flags = { isInterested: 1, isAvailable: 2, isHibernating: 4 } as const

/** Reads an account's state. Errors: a field that is not ours counts as missing. */
export function readAccount(jid: BareJid, state: AccountState): Account {
  return accountReader()(jid, state)
}

/**
 * A reader that decodes the bytes of a session once: of an account that is remembered (ADR 11) only the sessions that changed are read
 * again, so that a message of one of 50 devices costs what it costs of one.
 */
export function accountReader(): (jid: BareJid, state: AccountState) => Account {
  const known = new WeakMap<Uint8Array, Session>()
  return (jid, { fields }) => {
    const sessions = new Map<string, Session>()
    for (const [field, bytes] of fields) {
      if (!field.startsWith(sessionField)) continue
      const resource = field.slice(sessionField.length)
      const raw = fields.get(presenceField + resource)
      const found = known.get(bytes)
      const session = found !== undefined && found.presence?.raw === raw ? found : readSession(resource, bytes, raw)
      if (session === undefined) continue
      if (session !== found) known.set(bytes, session)
      sessions.set(resource, session)
    }
    return readRest(jid, fields, sessions)
  }
}

function readRest(jid: BareJid, fields: AccountState['fields'], sessions: ReadonlyMap<string, Session>): Account {
  const bytes = fields.get(accountField)
  const stored = bytes === undefined ? undefined : (readJson(bytes) as StoredAccount | undefined)
  return {
    ...blankAccount(jid),
    isLoaded: stored?.s !== undefined,
    slices: stored?.s ?? {},
    pending: stored?.p ?? 0,
    awaited: stored?.a ?? '',
    reparks: stored?.k ?? 0,
    rosterVersion: stored?.v ?? '',
    sessions,
    kicked: (stored?.x ?? []).map(([slot, epoch, connection, count]) => ({
      target: { slot, epoch, connection },
      count,
    })),
  }
}

function readSession(resource: string, bytes: Uint8Array, raw: Uint8Array | undefined): Session | undefined {
  const stored = readJson(bytes) as StoredSession | undefined
  if (!Array.isArray(stored)) return undefined
  const [slot, epoch, connection, generation, count, bits, priority, lang, slices, directed, sm] =
    stored as StoredSession
  const isAvailable = (bits & flags.isAvailable) !== 0 && raw !== undefined
  const target = { slot, epoch, connection }
  return {
    resource,
    target,
    generation,
    lang: lang ?? '',
    count,
    isInterested: (bits & flags.isInterested) !== 0,
    presence: isAvailable ? { priority, raw } : undefined,
    slices: slices === undefined || slices === 0 ? {} : slices,
    directed: directed === undefined || directed === 0 ? [] : directed,
    sm: sm === undefined ? undefined : readSm(sm, target, bits),
  }
}

function readSm([base, maxSeconds, id]: StoredSm, target: Target, bits: number): StreamManagement {
  return { id: id ?? nameOf(target), base, maxSeconds, isHibernating: (bits & flags.isHibernating) !== 0 }
}

function writeSm({ id, base, maxSeconds }: StreamManagement, target: Target): StoredSm {
  return id === nameOf(target) ? [base, maxSeconds] : [base, maxSeconds, id]
}

/** Decodes JSON; the way that looks for bytes inside is taken only where there are any. */
function readJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  if (text.includes('"$b"')) return decodeJson(bytes)
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Encodes one session without its presence stanza. Units: a budget of 400 bytes with all overhead (DESIGN §3). */
export function encodeSession(session: Session): Uint8Array {
  const { target, presence, slices, directed, sm } = session
  const bits =
    (session.isInterested ? flags.isInterested : 0) |
    (presence === undefined ? 0 : flags.isAvailable) |
    (sm?.isHibernating === true ? flags.isHibernating : 0)
  const head = [target.slot, target.epoch, target.connection, session.generation, session.count, bits]
  const hasSlices = Object.keys(slices).length > 0
  const all: unknown[] = [...head, presence?.priority ?? 0, session.lang, hasSlices ? slices : 0]
  if (directed.length > 0 || sm !== undefined) all.push(directed.length > 0 ? directed : 0)
  if (sm !== undefined) all.push(writeSm(sm, target))
  // what is empty at the end is left out
  if (all.length === 9 && !hasSlices) all.pop()
  if (all.length === 8 && session.lang === '') all.pop()
  return hasSlices ? encodeJson(all) : Buffer.from(JSON.stringify(all))
}

function encodeAccount(account: Account): Uint8Array | undefined {
  const { kicked } = account
  if (account.sessions.size === 0 && account.pending === 0 && kicked.length === 0) return undefined
  const stored: StoredAccount = {
    ...(account.isLoaded ? { s: account.slices } : {}),
    ...(account.pending > 0 ? { p: account.pending } : {}),
    ...(account.awaited === '' ? {} : { a: account.awaited }),
    ...(account.reparks > 0 ? { k: account.reparks } : {}),
    ...(account.rosterVersion === '' ? {} : { v: account.rosterVersion }),
    ...(kicked.length === 0
      ? {}
      : { x: kicked.map(({ target, count }) => [target.slot, target.epoch, target.connection, count] as const) }),
  }
  return Object.keys(stored).length === 0 ? undefined : encodeJson(stored)
}

/**
 * Resources whose sessions an input began, changed or ended; they may be as before after another. `''`: what else the account holds.
 */
export function touchedBy(before: Account, after: Account): readonly string[] {
  if (before === after) return []
  const touched = isSameAccount(before, after) ? [] : ['']
  for (const [resource, session] of after.sessions)
    if (before.sessions.get(resource) !== session) touched.push(resource)
  for (const resource of before.sessions.keys()) if (!after.sessions.has(resource)) touched.push(resource)
  return touched
}

function isSameAccount(before: Account, after: Account): boolean {
  return (
    before.isLoaded === after.isLoaded &&
    before.slices === after.slices &&
    before.pending === after.pending &&
    before.awaited === after.awaited &&
    before.reparks === after.reparks &&
    before.rosterVersion === after.rosterVersion &&
    before.kicked === after.kicked &&
    (before.sessions.size === 0) === (after.sessions.size === 0)
  )
}

/**
 * What of an account's state changed, to be saved with the mark; undefined when nothing did. With it goes all that was touched between:
 * so the save takes any of the states between to the later one, too, for another owner may have saved that meanwhile (R3).
 */
export function changesOf(
  before: Account,
  after: Account,
  mark: number,
  touched: ReadonlySet<string> = new Set(touchedBy(before, after)),
): StateSave | undefined {
  if (touched.size === 0) return undefined
  const set = new Map<string, Uint8Array>()
  const remove: string[] = []
  if (touched.has('')) {
    const bytes = encodeAccount(after)
    if (bytes === undefined) remove.push(accountField)
    else set.set(accountField, bytes)
  }
  for (const resource of touched) {
    if (resource === '') continue
    const session = after.sessions.get(resource)
    if (session === undefined) {
      remove.push(sessionField + resource, presenceField + resource)
      continue
    }
    set.set(sessionField + resource, encodeSession(session))
    const raw = session.presence?.raw
    if (raw === undefined) remove.push(presenceField + resource)
    else if (before.sessions.get(resource)?.presence?.raw !== raw) set.set(presenceField + resource, raw)
  }
  return set.size === 0 && remove.length === 0 ? undefined : { account: after.jid, mark, set, remove }
}
