import type { BareJid } from '@starling/jid'

/** How far a stage's states in presence reach, for one partition of its inbox (R11). */
export interface Progress {
  /** The next offset to handle: what stood before it is in the states. */
  readonly offset: number
  /** The commit's metadata for that offset. */
  readonly metadata: string
  /**
   * When presence was last found to have forgotten this partition's states altogether; 0: never.
   * Units: ms since 1970, by the log's times.
   */
  readonly forgotAtMs: number
}

/** Which stage's state of an account is meant; each stage writes its own only. */
export type StateKind = 'session' | 'routing'

/** State of one account as one stage keeps it: the offset it has reached (R3) and a value a field. */
export interface AccountState {
  /** Offset of the last record this state contains; -1 before the first. */
  readonly mark: number
  readonly fields: ReadonlyMap<string, Uint8Array>
  /** What was decided for the records behind it and not saved over yet. */
  readonly decision?: Decision | undefined
}

/**
 * What owners of an account go by beside the log and the saved state, kept before anything shows that was worked with it: whoever
 * works the same records goes by the same (R3).
 */
export interface Decision {
  /** The caller's; may be empty. */
  readonly bytes: Uint8Array
  /** Offset of the last record that may have been worked with it. */
  readonly until: number
}

/** What an owner would go by from an account's state on. */
export interface Proposal extends Decision {
  readonly account: BareJid
  /** Mark of the state that it was read with. */
  readonly mark: number
}

/** A change of one account's state. */
export interface StateSave {
  readonly account: BareJid
  readonly mark: number
  readonly set: ReadonlyMap<string, Uint8Array>
  readonly remove: readonly string[]
  /** Queues of the account that change with it (R4). */
  readonly queues?: readonly QueueChange[]
  /** Where records behind the mark may have been worked already: what was decided, as it is at the mark. */
  readonly decision?: Decision
}

/** A delivery that a client with stream management has not acknowledged yet (R4). */
export interface QueueEntry {
  /** Its number in the SM session, from 1, without a gap. */
  readonly ordinal: number
  readonly bytes: Uint8Array
}

/** A change of one unacknowledged queue of an account; its name is the SM-ID. */
export interface QueueChange {
  readonly queue: string
  /** Ascending. One that is not above what the queue has held already changes nothing. */
  readonly append: readonly QueueEntry[]
  /** The session is over: the queue is forgotten, whatever else the change says. */
  readonly isEnded?: boolean
}

/** A queue and where in it. */
export interface QueuePlace {
  readonly account: BareJid
  readonly queue: string
  readonly ordinal: number
}

/** A session that waits for its client, under a name of the caller's, and when its time is over. */
export interface Hibernation {
  readonly name: string
  /** Units: ms since 1970. */
  readonly endsAtMs: number
}

/** A pod's lease of a slot, that is of one partition of the pod inbox (R7). */
export interface SlotLease {
  readonly slot: number
  readonly pod: string
  /** Offset of the lease record in the slot's partition; -1 until it is written. */
  readonly epoch: number
}

/** One pod's time with one slot: from its lease record until the lease ends (R7); a pod that comes back is another life. */
export interface PodLife {
  readonly slot: number
  readonly epoch: number
}

/**
 * Who is online, and the small state of stages beside it: Redis in a cluster, memory in one process.
 * Everything is batched; keys of one account share a hash tag.
 * Errors: every call rejects with code PRESENCE_DOWN when the server cannot be reached within `timeoutMs`; nothing is half done
 * for one account.
 */
export interface Presence {
  /** Reads states, one pipeline. Order: as asked. */
  readonly readStates: (kind: StateKind, accounts: readonly BareJid[]) => Promise<readonly AccountState[]>
  /**
   * Saves states, one script an account, one pipeline. A save whose mark is not above the stored one changes nothing. Its decision
   * takes the place of the stored one, which ends without; but where the stored one reaches above the mark, and further than that of
   * the save, nothing changes: its caller must read it first.
   * An account left without fields keeps its mark for `emptyStateTtlMs`.
   * Returns whether each was saved.
   */
  readonly saveStates: (kind: StateKind, saves: readonly StateSave[]) => Promise<readonly boolean[]>
  /**
   * Decides what owners go by from the states with these marks on, one script an account, one pipeline. What was decided already
   * stands, and reaches as far as the furthest proposal; else the proposal does, and the very bytes proposed are returned.
   * `stale`: the state has another mark by now. Order: as asked.
   */
  readonly decideStates: (kind: StateKind, proposals: readonly Proposal[]) => Promise<readonly (Decision | 'stale')[]>
  /** Forgets the entries up to and with each ordinal: the client has them. Any order, any number of times. */
  readonly trimQueues: (places: readonly QueuePlace[]) => Promise<void>
  /** The first `limit` entries above each ordinal, ascending. Order: as asked. Reads of one call are one pipeline. */
  readonly readQueues: (places: readonly QueuePlace[], limit: number) => Promise<readonly (readonly QueueEntry[])[]>
  /** Notes hibernations; a name noted again gets its new time. */
  readonly noteHibernations: (hibernations: readonly Hibernation[]) => Promise<void>
  /** Names whose time is over at `nowMs`, the longest over first, at most `limit`. */
  readonly endedHibernations: (nowMs: number, limit: number) => Promise<readonly string[]>
  readonly forgetHibernations: (names: readonly string[]) => Promise<void>
  /** Leases a free slot of `slots` for `leaseMs`; undefined when none is free. */
  readonly leaseSlot: (pod: string, slots: number, leaseMs: number) => Promise<SlotLease | undefined>
  /** Writes the epoch into a lease and extends it, or extends it alone; false when it is not (or no longer) this pod's. */
  readonly extendSlot: (lease: SlotLease, leaseMs: number) => Promise<boolean>
  /**
   * Takes a lease again under the same epoch where nobody holds its slot: the server forgot it (R11). Only for a holder to whom the
   * lease still runs by its own clock; false when somebody else has the slot, or `buryLife` was first.
   */
  readonly restoreSlot: (lease: SlotLease, leaseMs: number) => Promise<boolean>
  /**
   * Sees to it that a life is over before others are told so: returns false while its lease runs; else for `forMs` its lease cannot
   * be restored, which must be longer than any holder believes in a lease.
   */
  readonly buryLife: (life: PodLife, forMs: number) => Promise<boolean>
  readonly releaseSlot: (lease: SlotLease) => Promise<void>
  /** Which leases run now, slot to epoch; one read. Slots without a lease are missing. */
  readonly readSlots: (slots: readonly number[]) => Promise<ReadonlyMap<number, number>>
  /** A number above every one given before for this account (R5); names that do not exist expire. */
  readonly takeGeneration: (account: string) => Promise<number>
  /** Adds `by` to a counter that falls to 0 `windowMs` after its first addition; returns the sum. */
  readonly addToCounter: (name: string, by: number, windowMs: number) => Promise<number>
  /**
   * Writes entries into a pod life's roll: what others must end should the pod die. Repeating changes nothing.
   * Shape: any text; a roll not written for `rollTtlMs` is forgotten, so a pod that lives repeats its entries before.
   */
  readonly enlist: (life: PodLife, entries: readonly string[]) => Promise<void>
  /** Takes entries off a roll; those not in it are none. */
  readonly delist: (life: PodLife, entries: readonly string[]) => Promise<void>
  /** Some entries of a roll, at most `limit`, in no order: several readers see different ones where the roll is long. */
  readonly readRoll: (life: PodLife, limit: number) => Promise<readonly string[]>
  /** Pod lives that have a roll, at most `limit`. Order: the one not written for longest first. */
  readonly rolls: (limit: number) => Promise<readonly PodLife[]>
  /** Forgets a roll that is empty; one that is not stays. */
  readonly endRoll: (life: PodLife) => Promise<void>
  /**
   * Notes how far a stage's states reach. Order: after they were saved.
   * Errors: PRESENCE_DOWN also, and nothing is noted, when the connection of that number is over: another server's states may be others.
   */
  readonly noteProgress: (kind: StateKind, partition: number, progress: Progress, connection: number) => Promise<void>
  /** What was noted last; undefined when nothing was, or presence has forgotten it. */
  readonly readProgress: (kind: StateKind, partition: number) => Promise<Progress | undefined>
  /**
   * Counts the connections to the server: what was read and written under one number was read and written of one server, which forgot
   * nothing meanwhile. Under another number it may have gone back (R11).
   */
  readonly connections: () => number
  readonly isUp: () => boolean
  readonly close: () => Promise<void>
}

/** The presence server is away: broken infrastructure. */
export class PresenceError extends Error {
  override readonly name = 'PresenceError'
  readonly code = 'PRESENCE_DOWN'
}
