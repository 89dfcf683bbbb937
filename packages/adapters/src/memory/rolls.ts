import type { PodLife, Presence } from '@starling/core'
import type { PresenceJournal } from './presence-journal.ts'

/** The part of presence that is about rolls. */
export type Rolls = Pick<Presence, 'enlist' | 'delist' | 'readRoll' | 'rolls' | 'endRoll'>

interface Roll {
  readonly life: PodLife
  readonly entries: Set<string>
  readonly endsAt: number
}

/** Rolls in memory, and in a journal. Units: ms of the caller's clock. */
export function memoryRolls(clock: () => number, rollTtlMs: number, journal: PresenceJournal): Rolls {
  /** Order: the one not written for longest first, so those that have ended stand in front. */
  const rolls = new Map<string, Roll>()
  const keyOf = ({ slot, epoch }: PodLife): string => `${slot} ${epoch}`
  const forget = (): void => {
    for (const [key, roll] of rolls) {
      if (roll.endsAt > clock()) return
      rolls.delete(key)
      for (const entry of roll.entries) journal.drop(keyIn(roll.life, entry))
    }
  }
  const find = (life: PodLife): Roll | undefined => {
    forget()
    return rolls.get(keyOf(life))
  }
  const write = (life: PodLife, entries: readonly string[]): void => {
    const roll = find(life)?.entries ?? new Set()
    for (const entry of entries) roll.add(entry)
    rolls.delete(keyOf(life))
    rolls.set(keyOf(life), {
      life: { slot: life.slot, epoch: life.epoch },
      entries: roll,
      endsAt: clock() + rollTtlMs,
    })
  }
  for (const [key] of journal.loaded(prefix)) {
    const [, slot, epoch, ...entry] = key.split(' ')
    write({ slot: Number(slot), epoch: Number(epoch) }, [entry.join(' ')])
    journal.adopt(key, nothing)
  }
  return {
    enlist: async (life, entries) => {
      if (entries.length === 0) return
      const known = find(life)?.entries
      for (const entry of entries) if (known?.has(entry) !== true) journal.put(keyIn(life, entry), nothing)
      write(life, entries)
      await journal.commit()
    },
    delist: async (life, entries) => {
      const roll = find(life)
      for (const entry of entries) if (roll?.entries.delete(entry) === true) journal.drop(keyIn(life, entry))
    },
    readRoll: async (life, limit) => firstOf(find(life)?.entries ?? [], limit),
    rolls: async (limit) => {
      forget()
      return firstOf(rolls.values(), limit).map(({ life }) => life)
    },
    endRoll: async (life) => {
      if (find(life)?.entries.size === 0) rolls.delete(keyOf(life))
    },
  }
}

const prefix = 'roll '

/** An entry is all in its key. */
function nothing(): void {}

function keyIn({ slot, epoch }: PodLife, entry: string): string {
  return `${prefix}${slot} ${epoch} ${entry}`
}

function firstOf<T>(values: Iterable<T>, limit: number): readonly T[] {
  const some: T[] = []
  for (const value of values) {
    if (some.length >= limit) break
    some.push(value)
  }
  return some
}
