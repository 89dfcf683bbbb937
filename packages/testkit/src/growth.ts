/** One thing that is done on a small and on a large number of things. */
export interface TwoSizes {
  readonly name: string
  readonly unit: string
  /** Does it for some milliseconds at that size and says what once cost. */
  readonly small: () => Promise<number>
  readonly large: () => Promise<number>
}

/** How much dearer it is at the large size. */
export interface Growth {
  readonly name: string
  /** Units: percent. */
  readonly value: number
  readonly unit: string
}

const defaultRounds = 60
const blocks = 5

/**
 * Measures both sizes by many short turns, so that other work on the machine falls on both; who is first in a round changes.
 * Shape: medians over all rounds, and the range that fifths of the run give; a fifth before the first warms up.
 */
export async function growthOf({ name, unit, small, large }: TwoSizes, rounds = defaultRounds): Promise<Growth> {
  const smalls: number[] = []
  const larges: number[] = []
  for (let round = -Math.ceil(rounds / blocks); round < rounds; round++) {
    const first = round % 2 === 0 ? await small() : 0
    const atLarge = await large()
    const atSmall = round % 2 === 0 ? first : await small()
    if (round < 0) continue
    smalls.push(atSmall)
    larges.push(atLarge)
  }
  const growth = (from = 0, to = rounds): number =>
    (median(larges.slice(from, to)) / median(smalls.slice(from, to)) - 1) * 100
  const size = Math.max(1, Math.floor(rounds / blocks))
  const parts = Array.from({ length: Math.floor(rounds / size) }, (_, part) => growth(part * size, (part + 1) * size))
  const range = `${short(Math.min(...parts))} to ${short(Math.max(...parts))}`
  return {
    name,
    value: growth(),
    unit: `% (${short(median(smalls))} to ${short(median(larges))} ${unit}; fifths: ${range})`,
  }
}

/** The value in the middle. */
function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString()
}

/** Numbers below `below` that look random and are the same in every run. */
export function picker(seed = 1): (below: number) => number {
  let state = seed
  return (below) => {
    // Numerical Recipes' linear congruence; its high bits are the good ones
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
