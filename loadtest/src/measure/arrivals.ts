/** Random numbers from 0 up to 1, the same for the same seed. */
export type Random = () => number

/** Makes a generator. Source: mulberry32, a public-domain mixing function by T. Ettinger. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Times at which something is meant to happen, whatever the server does. Units: ms. */
export interface Arrivals {
  /** When the next is due. */
  readonly next: () => number
  /** Takes it: the one after becomes the next. */
  readonly take: () => number
}

/** An open loop: events from `startMs` on at a rate, evenly spaced or as a Poisson process. Units: ms; events a second. */
export function openLoop(options: {
  readonly startMs: number
  readonly perSecond: number
  readonly spacing: 'poisson' | 'even'
  readonly random: Random
}): Arrivals {
  const { startMs, perSecond, spacing, random } = options
  const gap = (): number => (spacing === 'even' ? 1_000 / perSecond : (-Math.log(1 - random()) * 1_000) / perSecond)
  let due = startMs + (spacing === 'even' ? 0 : gap())
  let count = 0
  return {
    next: () => due,
    take: () => {
      const taken = due
      count++
      // Multiplied, not added up: no drift over a day of small gaps.
      due = spacing === 'even' ? startMs + (count * 1_000) / perSecond : due + gap()
      return taken
    },
  }
}
