const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

/**
 * Reads a date and time.
 * Source: XEP-0082 §3.2.
 * Errors: undefined when the text is none.
 */
export function parseDateTime(text: string): number | undefined {
  if (!pattern.test(text.trim())) return undefined
  const ms = Date.parse(text.trim())
  return Number.isNaN(ms) ? undefined : ms
}

/** Writes a date and time in UTC. Source: XEP-0082 §3.2. */
export function dateTime(atMs: number): string {
  return new Date(atMs).toISOString()
}
