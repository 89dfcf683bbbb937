import type { AccountState, Decision, Metrics, Presence, StateKind, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { ownedBytes } from '@starling/wire'

/** Presence that keeps the states of its stage in memory. */
export interface RememberedStates {
  readonly presence: Presence
  /** Nothing is remembered: partitions have moved, or what a batch did is not known. */
  readonly forget: () => void
}

/** What remembering needs. */
export interface RememberOptions {
  /** The stage whose states they are; it alone writes them. */
  readonly kind: StateKind
  /** Units: bytes of states, about; the one longest unused goes. 0: no limit. */
  readonly maxBytes: number
  readonly metrics: Metrics
}

interface Kept {
  readonly state: AccountState
  readonly bytes: number
}

// Units: bytes that a state costs without its fields, and a field without its value; about.
const stateBytes = 300
const fieldBytes = 100

/**
 * Keeps the states that a stage read and saved, so that a batch of known accounts asks presence for nothing.
 * It is as right as what was read a moment ago would be (R3): a state at its mark is a function of the log, what a stage makes of it is
 * the same for every owner, and a save or a decision on a state that somebody else took further is refused; then it is read anew.
 * Remembered is what was read or saved on the present connection alone (R11), and nothing after `forget`.
 */
export function rememberStates(presence: Presence, { kind, maxBytes, metrics }: RememberOptions): RememberedStates {
  const kept = new Map<BareJid, Kept>()
  let keptBytes = 0
  let connection = presence.connections()
  /** Counts forgettings: what was asked for before one is not kept after it. */
  let forgettings = 0
  const reads = metrics.counter('starling_state_reads_total', 'States of accounts that a stage read, by where from', [
    'stage',
    'from',
  ])
  metrics.observed(
    `starling_${kind}_state_bytes`,
    `Bytes of states in memory of the ${kind} stage, about`,
    () => keptBytes,
  )

  const forget = (): void => {
    kept.clear()
    keptBytes = 0
    forgettings++
  }
  const forgetOtherConnections = (): void => {
    if (presence.connections() === connection) return
    connection = presence.connections()
    forget()
  }
  const drop = (account: BareJid): AccountState | undefined => {
    const found = kept.get(account)
    if (found === undefined) return undefined
    kept.delete(account)
    keptBytes -= found.bytes
    return found.state
  }
  const keep = (account: BareJid, state: AccountState): void => {
    drop(account)
    const bytes = bytesOf(state)
    kept.set(account, { state, bytes })
    keptBytes += bytes
    if (maxBytes === 0) return
    // A Map keeps the order of insertion: the first is the longest unused
    for (const oldest of kept.keys()) {
      if (keptBytes <= maxBytes) return
      drop(oldest)
    }
  }
  /** Asks presence, and keeps what comes of it unless something was forgotten meanwhile. */
  const asking = async <T>(ask: () => Promise<T>, learn: (answer: T) => void): Promise<T> => {
    const before = forgettings
    const answer = await ask()
    forgetOtherConnections()
    if (before === forgettings) learn(answer)
    return answer
  }

  const readStates: Presence['readStates'] = async (asked, accounts) => {
    if (asked !== kind) return presence.readStates(asked, accounts)
    forgetOtherConnections()
    const known = accounts.map((account) => {
      const found = kept.get(account)
      if (found === undefined) return undefined
      kept.delete(account) // it moves to the end
      kept.set(account, found)
      return found.state
    })
    const missing = accounts.filter((_, index) => known[index] === undefined)
    reads.add(accounts.length - missing.length, { stage: kind, from: 'memory' })
    if (missing.length === 0) return known.map((state) => state ?? nothing)
    reads.add(missing.length, { stage: kind, from: 'presence' })
    const read = await asking(
      () => presence.readStates(kind, missing),
      (states) => {
        for (const [index, account] of missing.entries()) keep(account, owned(states[index] ?? nothing))
      },
    )
    let taken = 0
    return known.map((state) => state ?? read[taken++] ?? nothing)
  }

  const saveStates: Presence['saveStates'] = async (asked, saves) => {
    if (asked !== kind) return presence.saveStates(asked, saves)
    // Until it is answered nobody knows what is there
    const before = saves.map(({ account }) => drop(account))
    forgetOtherConnections()
    return asking(
      () => presence.saveStates(kind, saves),
      (areSaved) => {
        for (const [index, save] of saves.entries()) {
          const base = before[index]
          if (areSaved[index] === true && base !== undefined) keep(save.account, saved(base, save))
        }
      },
    )
  }

  const decideStates: Presence['decideStates'] = async (asked, proposals) => {
    if (asked !== kind) return presence.decideStates(asked, proposals)
    const before = proposals.map(({ account }) => drop(account))
    forgetOtherConnections()
    return asking(
      () => presence.decideStates(kind, proposals),
      (decided) => {
        for (const [index, { account, mark }] of proposals.entries()) {
          const base = before[index]
          const decision = decided[index]
          if (decision === undefined || decision === 'stale' || base?.mark !== mark) continue
          keep(account, withDecision(base, decision))
        }
      },
    )
  }

  return { presence: { ...presence, readStates, saveStates, decideStates }, forget }
}

const nothing: AccountState = { mark: -1, fields: new Map() }

/** What a state is after a save, as the script of presence makes it. */
function saved({ fields: old }: AccountState, { mark, set, remove, decision }: StateSave): AccountState {
  const fields = new Map(old)
  for (const field of remove) fields.delete(field)
  for (const [field, value] of set) fields.set(field, ownedBytes(value))
  return withDecision({ mark, fields }, decision)
}

function withDecision({ mark, fields }: AccountState, decision: Decision | undefined): AccountState {
  return decision === undefined ? { mark, fields } : { mark, fields, decision }
}

/** The state with memory of its own: what a server answers looks into 64 KiB of what came with it. */
function owned({ mark, fields, decision }: AccountState): AccountState {
  const copies = new Map<string, Uint8Array>()
  for (const [field, value] of fields) copies.set(field, ownedBytes(value))
  return withDecision({ mark, fields: copies }, decision)
}

function bytesOf({ fields, decision }: AccountState): number {
  let bytes = stateBytes + (decision?.bytes.length ?? 0)
  for (const value of fields.values()) bytes += fieldBytes + value.length
  return bytes
}
