const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Reads `500ms`, `60s`, `10m`, `1.5h`. Units: ms. Errors: undefined. */
export function readDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text.trim())
  if (match === null) return undefined
  const [, amount, unit] = match
  return Number(amount) * units[unit as keyof typeof units]
}

/** Writes a time for people: `250 ms`, `1.50 s`, `12 min`. Units: ms. */
export function writeDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${ms.toFixed(0)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(2)} s`
  return `${(ms / 60_000).toFixed(0)} min`
}

/** Writes a number for people, with as many digits as it deserves. */
export function writeNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-GB')
  return value.toPrecision(3)
}
