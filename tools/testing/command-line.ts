/** The parts of `npm test`, in order. */
export const legNames = ['check', 'unit', 'cluster'] as const

/** One part of `npm test`. */
export type LegName = (typeof legNames)[number]

/** What the command line asks for. */
export interface TestRequest {
  readonly legs: readonly LegName[]
  /** Parts of paths; a test file runs when one of them is in its path. None: all files. */
  readonly filters: readonly string[]
}

/** Reads `[--only LEG[,LEG]] [PATH…]`. */
export function readCommandLine(
  args: readonly string[],
): { readonly ok: true; readonly value: TestRequest } | { readonly ok: false; readonly error: string } {
  let legs: readonly LegName[] = legNames
  const filters: string[] = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '--only') {
      const asked = (args[++at] ?? '').split(',')
      const unknown = asked.find((name) => !legNames.some((leg) => leg === name))
      if (unknown !== undefined) return { ok: false, error: `--only takes ${legNames.join(', ')}; not '${unknown}'` }
      legs = legNames.filter((leg) => asked.includes(leg))
    } else if (arg.startsWith('-')) {
      return { ok: false, error: `unknown option ${arg}; usage: npm test -- [--only ${legNames.join('|')}] [PATH…]` }
    } else filters.push(arg)
  }
  return { ok: true, value: { legs, filters } }
}
