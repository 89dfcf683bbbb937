// `npm test [-- --only check|unit|cluster] [PATH…]`: checks, then tests on memory, then tests on real Kafka, Redis and PostgreSQL.
import { readCommandLine } from './testing/command-line.ts'
import { type LegResult, runLeg } from './testing/legs.ts'
import { addTotals, noTotals } from './testing/totals.ts'

const read = readCommandLine(process.argv.slice(2))
if (!read.ok) {
  console.error(read.error)
  process.exit(2)
}
const { legs, filters } = read.value
const titles = {
  check: 'checks',
  unit: 'tests on memory',
  cluster: 'tests on real Kafka, Redis and PostgreSQL',
} as const
const results: (LegResult & { readonly seconds: number })[] = []
for (const leg of legs) {
  console.log(`\n━━━ ${leg}: ${titles[leg]} ━━━`)
  const from = performance.now()
  const result = await runLeg(leg, filters)
  results.push({ ...result, seconds: Math.round((performance.now() - from) / 1000) })
}

console.log('\n━━━ summary ━━━')
for (const { leg, ok, seconds, totals } of results) {
  console.log(`${ok ? '✔' : '✖'} ${leg} (${seconds} s)`)
  if (leg === 'check') console.log(`  checks ${totals.tests}, passed ${totals.passed}, failed ${totals.failed}`)
  else {
    console.log(
      `ℹ tests ${totals.tests}\nℹ pass ${totals.passed}\nℹ fail ${totals.failed}\nℹ skipped ${totals.skipped}`,
    )
  }
}
if (results.some(({ leg }) => leg === 'unit') && (process.env['STARLING_TEST_IMAGE'] ?? '') === '') {
  console.log('no container was run: STARLING_TEST_IMAGE names no image (tools/image/containers.test.ts)')
}
const { passed, failed, tests } = results.map(({ totals }) => totals).reduce(addTotals, noTotals)
const ok = tests > 0 && results.every((result) => result.ok)
if (tests === 0) console.log('no test matches')
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = ok ? 0 : 1
