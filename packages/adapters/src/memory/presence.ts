import {
  type AccountState,
  type Decision,
  type PodLife,
  type Presence,
  PresenceError,
  type Progress,
  type Proposal,
  type SlotLease,
  type StateKind,
  type StateSave,
} from '@starling/core'
import { ownedBytes } from '@starling/wire'
import { ByteReader } from '../journal/byte-reader.ts'
import type { Encode } from '../journal/byte-writer.ts'
import { expiring } from './expiring.ts'
import { noJournal, type PresenceJournal } from './presence-journal.ts'
import { memoryQueues } from './queues.ts'
import { memoryRolls } from './rolls.ts'

/** What a memory presence may be told. */
export interface MemoryPresenceOptions {
  /** Units: ms, never going back; leases, counters and forgetting go by it. */
  readonly clock: () => number
  /** Units: ms that an account without fields keeps its mark. */
  readonly emptyStateTtlMs?: number
  /** Units: ms that a generation is kept after it was last taken. */
  readonly generationTtlMs?: number
  /** Units: ms that a roll is kept after it was last written. */
  readonly rollTtlMs?: number
  /** Units: counters and generations kept, each; above it the one that ends first is forgotten. */
  readonly maxNames?: number
  /** Keeps what must outlive the process: all but leases and counters. Without one nothing does. */
  readonly journal?: PresenceJournal
}

type Kept = AccountState

interface HeldSlot {
  readonly pod: string
  readonly epoch: number
  readonly endsAt: number
}

/** Number of the one connection there is. */
const onlyConnection = 0

const noFields: ReadonlyMap<string, Uint8Array> = new Map()

/**
 * Presence inside one process, shared by all that hold the value; without a journal it is gone with the process, and never down.
 * Errors: what the journal cannot keep is rejected with the journal's error; it is in memory then, and kept as soon as can be.
 */
export function memoryPresence(options: MemoryPresenceOptions): Presence {
  const { clock, emptyStateTtlMs = 86_400_000, generationTtlMs = 2_592_000_000, maxNames = 1_000_000 } = options
  const { rollTtlMs = 604_800_000, journal = noJournal } = options
  const states = new Map<string, Kept>()
  /** States without fields and decision, apart from the others because they alone end. */
  const empties = expiring<number>(Number.POSITIVE_INFINITY, (key) => journal.drop(stateKey(key)))
  const progress = new Map<string, Progress>()
  const slots = new Map<number, HeldSlot>()
  const generations = expiring<number>(maxNames, (account) => journal.drop(generationKey(account)))
  const counters = expiring<number>(maxNames)
  const { change: changeQueue, ...queues } = memoryQueues(journal)

  const keyOf = (kind: StateKind, account: string): string => `${kind} ${account}`

  const readState = (key: string): AccountState => {
    const state = states.get(key)
    if (state !== undefined) return state
    return { mark: empties.get(key, clock()) ?? -1, fields: noFields }
  }

  const keep = (key: string, state: Kept): void => {
    if (state.fields.size > 0 || state.decision !== undefined) {
      // One that is kept already stays where it is: nobody asks for the order, and moving it costs two more steps
      if (!states.has(key)) empties.delete(key)
      states.set(key, state)
    } else {
      states.delete(key)
      empties.delete(key)
      empties.set(key, state.mark, clock(), emptyStateTtlMs)
    }
    journal.put(stateKey(key), encodeState(state))
  }

  const decideState = (key: string, proposal: Proposal): Decision | 'stale' => {
    const state = readState(key)
    if (state.mark !== proposal.mark) return 'stale'
    const { decision } = state
    if (decision !== undefined && decision.until >= proposal.until) return decision
    const { until } = proposal
    const decided = decision === undefined ? copyOf(proposal) : { bytes: decision.bytes, until }
    keep(key, { ...state, decision: decided })
    return decision === undefined ? { bytes: proposal.bytes, until } : decided
  }

  const saveState = (key: string, save: StateSave): boolean => {
    const old = readState(key)
    if (!(save.mark > old.mark)) return false
    const reach = old.decision?.until ?? -1
    if (reach > save.mark && reach > (save.decision?.until ?? -1)) return false
    const fields = new Map(old.fields)
    for (const field of save.remove) fields.delete(field)
    // Copied: a caller's bytes may be a view into a whole batch, or change.
    for (const [field, value] of save.set) fields.set(field, ownedBytes(value))
    const decision = save.decision === undefined ? undefined : copyOf(save.decision)
    keep(key, { mark: save.mark, fields, decision })
    for (const change of save.queues ?? []) changeQueue(save.account, change)
    return true
  }

  for (const [key, value] of journal.loaded(statePrefix)) {
    const kept = decodeState(value)
    const name = key.slice(statePrefix.length)
    if (kept.fields.size > 0 || kept.decision !== undefined) states.set(name, kept)
    else empties.set(name, kept.mark, clock(), emptyStateTtlMs)
    journal.adopt(key, encodeState(kept))
  }
  for (const [key, value] of journal.loaded(generationPrefix)) {
    const taken = new ByteReader(value).count()
    generations.set(key.slice(generationPrefix.length), taken, clock(), generationTtlMs)
    journal.adopt(key, encodeCount(taken))
  }

  const heldBy = (lease: SlotLease): HeldSlot | undefined => {
    const held = slots.get(lease.slot)
    return held !== undefined && held.endsAt > clock() && held.pod === lease.pod ? held : undefined
  }

  const leaseSlot = (pod: string, count: number, leaseMs: number): SlotLease | undefined => {
    for (let slot = 0; slot < count; slot++) {
      if ((slots.get(slot)?.endsAt ?? 0) > clock()) continue
      slots.set(slot, { pod, epoch: -1, endsAt: clock() + leaseMs })
      return { slot, pod, epoch: -1 }
    }
    return undefined
  }

  const extendSlot = (lease: SlotLease, leaseMs: number): boolean => {
    const held = heldBy(lease)
    // An epoch is an offset of the slot's own partition: a lower one is an earlier lease's.
    if (held === undefined || (lease.epoch >= 0 && lease.epoch < held.epoch)) return false
    slots.set(lease.slot, { pod: lease.pod, epoch: Math.max(lease.epoch, held.epoch), endsAt: clock() + leaseMs })
    return true
  }

  const heldNow = (slot: number): HeldSlot | undefined => {
    const held = slots.get(slot)
    return held !== undefined && held.endsAt > clock() ? held : undefined
  }

  const restoreSlot = ({ slot, pod, epoch }: SlotLease, leaseMs: number): boolean => {
    if (heldNow(slot) !== undefined) return false
    slots.set(slot, { pod, epoch, endsAt: clock() + leaseMs })
    return true
  }

  const buryLife = ({ slot, epoch }: PodLife, forMs: number): boolean => {
    const held = heldNow(slot)
    // no life has this epoch, and no holder this name
    if (held === undefined) slots.set(slot, { pod: '', epoch: -2, endsAt: clock() + forMs })
    return held?.epoch !== epoch
  }

  const runningSlots = (asked: readonly number[]): ReadonlyMap<number, number> => {
    const found = new Map<number, number>()
    for (const slot of asked) {
      const held = slots.get(slot)
      if (held !== undefined && held.endsAt > clock()) found.set(slot, held.epoch)
    }
    return found
  }

  return {
    readStates: async (kind, accounts) => accounts.map((account) => readState(keyOf(kind, account))),
    saveStates: async (kind, saves) => {
      const areSaved = saves.map((save) => saveState(keyOf(kind, save.account), save))
      // R2, R3: what is committed to the log's group after it stands behind it in the same journal, so nothing is waited for but
      // what an earlier call could not keep
      if (saves.length > 0 && !journal.isUp()) await journal.commit()
      return areSaved
    },
    // Not waited for either
    decideStates: async (kind, proposals) =>
      proposals.map((proposal) => decideState(keyOf(kind, proposal.account), proposal)),
    leaseSlot: async (pod, count, leaseMs) => leaseSlot(pod, count, leaseMs),
    extendSlot: async (lease, leaseMs) => extendSlot(lease, leaseMs),
    restoreSlot: async (lease, leaseMs) => restoreSlot(lease, leaseMs),
    buryLife: async (life, forMs) => buryLife(life, forMs),
    releaseSlot: async (lease) => {
      const held = heldBy(lease)
      if (held !== undefined && (lease.epoch < 0 || lease.epoch >= held.epoch)) slots.delete(lease.slot)
    },
    readSlots: async (asked) => runningSlots(asked),
    takeGeneration: async (account) => {
      const taken = (generations.get(account, clock()) ?? 0) + 1
      generations.set(account, taken, clock(), generationTtlMs)
      journal.put(generationKey(account), encodeCount(taken))
      await journal.commit()
      return taken
    },
    addToCounter: async (name, by, windowMs) => {
      const now = clock()
      const sum = (counters.get(name, now) ?? 0) + by
      counters.set(name, sum, now, counters.leftMs(name, now) ?? windowMs)
      return sum
    },
    noteProgress: async (kind, partition, noted, connection) => {
      if (connection !== onlyConnection) throw new PresenceError('the connection that it was for is over')
      progress.set(`${kind} ${partition}`, noted)
    },
    readProgress: async (kind, partition) => progress.get(`${kind} ${partition}`),
    // It forgets nothing while it lives, and a journal keeps it together with the log
    connections: () => onlyConnection,
    ...queues,
    ...memoryRolls(clock, rollTtlMs, journal),
    isUp: () => true,
    close: async () => {},
  }
}

const statePrefix = 'state '
const generationPrefix = 'generation '

function stateKey(key: string): string {
  return `${statePrefix}${key}`
}

function generationKey(account: string): string {
  return `${generationPrefix}${account}`
}

function copyOf({ bytes, until }: Decision): Decision {
  return { bytes: ownedBytes(bytes), until }
}

function encodeState({ mark, fields, decision }: Kept): Encode {
  return (writer) => {
    writer.count(Math.max(mark, 0))
    writer.count(fields.size)
    for (const [field, value] of fields) {
      writer.text(field)
      writer.bytes(value)
    }
    if (decision === undefined) return
    // an account can be decided for before it was ever saved
    writer.count(mark < 0 ? 1 : 0)
    writer.count(decision.until)
    writer.bytes(decision.bytes)
  }
}

function decodeState(value: Uint8Array): Kept {
  const reader = new ByteReader(value)
  const mark = reader.count()
  const fields = new Map<string, Uint8Array>()
  for (let count = reader.count(); count > 0; count--) fields.set(reader.text(), ownedBytes(reader.bytes()))
  if (reader.isAtEnd) return { mark, fields }
  const isFirst = reader.count() === 1
  const until = reader.count()
  return { mark: isFirst ? -1 : mark, fields, decision: { until, bytes: ownedBytes(reader.bytes()) } }
}

function encodeCount(count: number): Encode {
  return (writer) => writer.count(count)
}
