// `npm run check`: format and lint, types, imports, dead code, file size, docs. About half a minute.
import { runChecks } from './checks/checks.ts'

const results = await runChecks(({ name, ok, output }) => {
  console.log(`${ok ? '✔' : '✖'} ${name}`)
  if (!ok) console.log(output.trimEnd())
})
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
