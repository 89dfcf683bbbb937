/** What node's test runner counted. */
export interface Totals {
  readonly tests: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Nothing counted. */
export const noTotals: Totals = { tests: 0, passed: 0, failed: 0, skipped: 0 }

/** The sum of two counts. */
export function addTotals(a: Totals, b: Totals): Totals {
  return {
    tests: a.tests + b.tests,
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }
}

/**
 * Adds up the closing lines of every run of node's test runner in `output`; a cancelled test is a failed one.
 * Shape: lines `ℹ pass 3` or `# pass 3`, alone or behind turbo's `@starling/jid:test: `.
 */
export function readTotals(output: string): Totals {
  let sum = noTotals
  for (const line of output.split('\n')) {
    const found = /^(?:\S+:test: )?(?:ℹ|#) (tests|pass|fail|cancelled|skipped|todo) (\d+)\s*$/.exec(
      line.replace(colours, ''),
    )
    if (found === null) continue
    const count = Number(found[2])
    switch (found[1]) {
      case 'tests':
        sum = { ...sum, tests: sum.tests + count }
        break
      case 'pass':
        sum = { ...sum, passed: sum.passed + count }
        break
      case 'fail':
      case 'cancelled':
        sum = { ...sum, failed: sum.failed + count }
        break
      default:
        sum = { ...sum, skipped: sum.skipped + count }
    }
  }
  return sum
}

const colours = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')
