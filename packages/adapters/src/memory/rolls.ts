import type { PodLife, Presence } from '@starling/core'

/** The part of presence that is about rolls. */
export type Rolls = Pick<Presence, 'enlist' | 'delist' | 'readRoll' | 'rolls' | 'endRoll'>

interface Roll {
  readonly life: PodLife
  readonly entries: Set<string>
  readonly endsAt: number
}

/** Rolls in memory. Units: ms of the caller's clock. */
export function memoryRolls(clock: () => number, rollTtlMs: number): Rolls {
  /** Order: the one not written for longest first, so those that have ended stand in front. */
  const rolls = new Map<string, Roll>()
  const keyOf = ({ slot, epoch }: PodLife): string => `${slot} ${epoch}`
  const forget = (): void => {
    for (const [key, { endsAt }] of rolls) {
      if (endsAt > clock()) return
      rolls.delete(key)
    }
  }
  const find = (life: PodLife): Roll | undefined => {
    forget()
    return rolls.get(keyOf(life))
  }
  return {
    enlist: async (life, entries) => {
      if (entries.length === 0) return
      const roll = find(life)?.entries ?? new Set()
      for (const entry of entries) roll.add(entry)
      rolls.delete(keyOf(life))
      rolls.set(keyOf(life), {
        life: { slot: life.slot, epoch: life.epoch },
        entries: roll,
        endsAt: clock() + rollTtlMs,
      })
    },
    delist: async (life, entries) => {
      const roll = find(life)
      for (const entry of entries) roll?.entries.delete(entry)
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

function firstOf<T>(values: Iterable<T>, limit: number): readonly T[] {
  const some: T[] = []
  for (const value of values) {
    if (some.length >= limit) break
    some.push(value)
  }
  return some
}
