/** How a rate went. */
export interface Tried {
  readonly rate: number
  readonly isWell: boolean
}

/**
 * Finds the highest rate that goes well, by halving: every rate below one that goes well is taken to go well too.
 * Order: `rates` rise. Returns what was tried, in its order.
 */
export async function findHighest(
  rates: readonly number[],
  isWell: (rate: number) => Promise<boolean>,
): Promise<{ readonly highest: number | undefined; readonly tried: readonly Tried[] }> {
  const tried: Tried[] = []
  let low = -1
  let high = rates.length
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const rate = rates[middle] ?? 0
    const one = { rate, isWell: await isWell(rate) }
    tried.push(one)
    if (one.isWell) low = middle
    else high = middle
  }
  return { highest: rates[low], tried }
}
