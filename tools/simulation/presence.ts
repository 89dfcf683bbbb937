import { type Presence, PresenceError, type StateSave } from '@starling/core'
import { memoryPresence } from '../../packages/adapters/src/memory/presence.ts'
import type { Engine, Process } from './engine.ts'
import { createServer, type Trouble } from './remote.ts'

/** What presence may be told to do wrong. */
export interface PresenceFlaws {
  /** States are saved whatever their mark: an owner of yesterday overwrites the one of today. */
  readonly ignoresMarks?: boolean
  /** Queues read as empty. */
  readonly losesQueues?: boolean
  /** Hibernations end at once. */
  readonly endsHibernations?: boolean
}

/** The presence server: one for all processes. */
export interface PresenceServer {
  readonly trouble: Trouble
  readonly presenceOf: (process: Process) => Presence
  /** What the server holds, without a way to go. */
  readonly inside: Presence
}

/** Makes the server on the memory adapter. */
export function createPresenceServer(engine: Engine, flaws: PresenceFlaws = {}): PresenceServer {
  const inside = flawed(memoryPresence({ clock: engine.nowMs }), flaws)
  const server = createServer(engine, 'presence', () => new PresenceError('presence is away'))
  return {
    trouble: server.trouble,
    inside,
    presenceOf: (process) => {
      const ask = <T>(effect: () => Promise<T>): Promise<T> => server.ask(process, effect)
      return {
        readStates: (kind, accounts) => ask(() => inside.readStates(kind, accounts)),
        // One script an account: a process may die between two of them
        saveStates: async (kind, saves) => {
          const saved = await Promise.all(saves.map((save) => ask(() => inside.saveStates(kind, [save]))))
          return saved.flat()
        },
        decideStates: async (kind, proposals) => {
          const decided = await Promise.all(proposals.map((one) => ask(() => inside.decideStates(kind, [one]))))
          return decided.flat()
        },
        trimQueues: (places) => ask(() => inside.trimQueues(places)),
        readQueues: (places, limit) => ask(() => inside.readQueues(places, limit)),
        noteHibernations: (hibernations) => ask(() => inside.noteHibernations(hibernations)),
        endedHibernations: (nowMs, limit) => ask(() => inside.endedHibernations(nowMs, limit)),
        forgetHibernations: (names) => ask(() => inside.forgetHibernations(names)),
        leaseSlot: (pod, slots, leaseMs) => ask(() => inside.leaseSlot(pod, slots, leaseMs)),
        extendSlot: (lease, leaseMs) => ask(() => inside.extendSlot(lease, leaseMs)),
        restoreSlot: (lease, leaseMs) => ask(() => inside.restoreSlot(lease, leaseMs)),
        buryLife: (life, forMs) => ask(() => inside.buryLife(life, forMs)),
        releaseSlot: (lease) => ask(() => inside.releaseSlot(lease)),
        readSlots: (slots) => ask(() => inside.readSlots(slots)),
        takeGeneration: (account) => ask(() => inside.takeGeneration(account)),
        addToCounter: (name, by, windowMs) => ask(() => inside.addToCounter(name, by, windowMs)),
        enlist: (life, entries) => ask(() => inside.enlist(life, entries)),
        delist: (life, entries) => ask(() => inside.delist(life, entries)),
        readRoll: (life, limit) => ask(() => inside.readRoll(life, limit)),
        rolls: (limit) => ask(() => inside.rolls(limit)),
        endRoll: (life) => ask(() => inside.endRoll(life)),
        noteProgress: (kind, partition, progress, connection) =>
          ask(() => inside.noteProgress(kind, partition, progress, connection)),
        readProgress: (kind, partition) => ask(() => inside.readProgress(kind, partition)),
        connections: () => 0,
        isUp: () => true,
        close: async () => {},
      }
    },
  }
}

function flawed(presence: Presence, flaws: PresenceFlaws): Presence {
  const marks = new Map<string, number>()
  return {
    ...presence,
    saveStates: (kind, saves) => {
      if (flaws.ignoresMarks !== true) return presence.saveStates(kind, saves)
      // Told a mark above every earlier one, the adapter takes whatever comes
      const forced = saves.map((save): StateSave => {
        const key = `${kind} ${save.account}`
        const mark = Math.max(save.mark, (marks.get(key) ?? 0) + 0.001)
        marks.set(key, mark)
        return { ...save, mark }
      })
      return presence.saveStates(kind, forced)
    },
    readQueues: async (places, limit) =>
      flaws.losesQueues === true ? places.map(() => []) : presence.readQueues(places, limit),
    endedHibernations: (nowMs, limit) =>
      presence.endedHibernations(flaws.endsHibernations === true ? Number.POSITIVE_INFINITY : nowMs, limit),
  }
}
