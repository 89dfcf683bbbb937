import { type Presence, PresenceError, type StateKind, type StateSave } from '@starling/core'
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
  /** What the server holds now, without a way to go. */
  readonly inside: () => Presence
  /** It loses what it was told in the last `lastMs`, all of it when they are infinite; every connection breaks (R11). Units: ms. */
  readonly goBack: (lastMs: number) => void
  /** It has held stages' states for long: each of so many partitions was noted before anything was lost. */
  readonly noteBefore: (kind: StateKind, partitions: number) => void
}

/** A write as it took effect. */
interface Applied {
  readonly atMs: number
  readonly effect: (presence: Presence) => unknown
}

/** Longer than anything that is lost but all. */
const longMs = 60_000

/** More than an account ever takes in a run. */
const generationsPerMs = 1_000

/** Makes the server on the memory adapter. */
export function createPresenceServer(engine: Engine, flaws: PresenceFlaws = {}): PresenceServer {
  let replayedMs: number | undefined
  const make = (): Presence => flawed(memoryPresence({ clock: () => replayedMs ?? engine.nowMs() }), flaws)
  let inside = make()
  let connections = 0
  let applied: Applied[] = []
  const goBack = (lastMs: number): void => {
    engine.trace(() => `presence loses its last ${lastMs} ms`)
    const untilMs = engine.nowMs() - lastMs
    applied = applied.filter(({ atMs }) => atMs <= untilMs)
    inside = make()
    for (const { atMs, effect } of applied) {
      replayedMs = atMs
      effect(inside)
    }
    replayedMs = undefined
    connections++
  }
  const server = createServer(engine, 'presence', () => new PresenceError('presence is away'))
  return {
    trouble: server.trouble,
    inside: () => inside,
    goBack,
    noteBefore: (kind, partitions) => {
      for (let partition = 0; partition < partitions; partition++) {
        const effect = (to: Presence): unknown =>
          to.noteProgress(kind, partition, { offset: 0, metadata: '', forgotAtMs: 0 }, to.connections())
        effect(inside)
        applied.push({ atMs: engine.nowMs() - longMs, effect })
      }
    },
    presenceOf: (process) => {
      const ask = <T>(effect: (presence: Presence) => Promise<T>, isRead = false): Promise<T> => {
        const connection = connections
        return server.ask(process, () => {
          // What was on its way when the connection broke is answered by nobody
          if (connection !== connections) return Promise.reject(new PresenceError('the connection broke'))
          if (!isRead) applied.push({ atMs: engine.nowMs(), effect })
          return effect(inside)
        })
      }
      return {
        readStates: (kind, accounts) => ask((to) => to.readStates(kind, accounts), true),
        // One script an account: a process may die between two of them
        saveStates: async (kind, saves) => {
          const saved = await Promise.all(saves.map((save) => ask((to) => to.saveStates(kind, [save]))))
          return saved.flat()
        },
        decideStates: async (kind, proposals) => {
          const decided = await Promise.all(proposals.map((one) => ask((to) => to.decideStates(kind, [one]))))
          return decided.flat()
        },
        trimQueues: (places) => ask((to) => to.trimQueues(places)),
        readQueues: (places, limit) => ask((to) => to.readQueues(places, limit), true),
        noteHibernations: (hibernations) => ask((to) => to.noteHibernations(hibernations)),
        endedHibernations: (nowMs, limit) => ask((to) => to.endedHibernations(nowMs, limit), true),
        forgetHibernations: (names) => ask((to) => to.forgetHibernations(names)),
        leaseSlot: (pod, slots, leaseMs) => ask((to) => to.leaseSlot(pod, slots, leaseMs)),
        extendSlot: (lease, leaseMs) => ask((to) => to.extendSlot(lease, leaseMs)),
        restoreSlot: (lease, leaseMs) => ask((to) => to.restoreSlot(lease, leaseMs)),
        buryLife: (life, forMs) => ask((to) => to.buryLife(life, forMs)),
        releaseSlot: (lease) => ask((to) => to.releaseSlot(lease)),
        readSlots: (slots) => ask((to) => to.readSlots(slots), true),
        // As Redis gives them: above what it remembers, and not below its time
        takeGeneration: (account) =>
          ask(async (to) => Math.floor(engine.nowMs()) * generationsPerMs + (await to.takeGeneration(account))),
        addToCounter: (name, by, windowMs) => ask((to) => to.addToCounter(name, by, windowMs)),
        enlist: (life, entries) => ask((to) => to.enlist(life, entries)),
        delist: (life, entries) => ask((to) => to.delist(life, entries)),
        readRoll: (life, limit) => ask((to) => to.readRoll(life, limit), true),
        rolls: (limit) => ask((to) => to.rolls(limit), true),
        endRoll: (life) => ask((to) => to.endRoll(life)),
        noteProgress: (kind, partition, progress, connection) =>
          connection === connections
            ? ask((to) => to.noteProgress(kind, partition, progress, to.connections()))
            : Promise.reject(new PresenceError('the connection that it was for is over')),
        readProgress: (kind, partition) => ask((to) => to.readProgress(kind, partition), true),
        connections: () => connections,
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
