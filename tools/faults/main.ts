// `npm run faults -- [--minutes N] [--seed S] [--members N] [--brokers N] [--sessions N] [--only WORDS,…]
// [--upgrade-from REF|previous]`: breaks a cluster of its own while
// many clients talk, and reconciles every message.
import { parseArgs } from 'node:util'
import { olderTree } from './older-tree.ts'
import { faultsOf, stormSessions } from './plan.ts'
import { previousVersion } from './previous.ts'
import { tableOf } from './report.ts'
import { runFaults } from './run.ts'
import { upgrade } from './upgrade.ts'

// The certificate of a run is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    members: { type: 'string', default: '16' },
    brokers: { type: 'string', default: '3' },
    sessions: { type: 'string', default: String(stormSessions) },
    only: { type: 'string' },
    'upgrade-from': { type: 'string' },
  },
})
const from = values['upgrade-from'] === 'previous' ? previousVersion : values['upgrade-from']
const older = from === undefined ? undefined : await olderTree(from)
process.on('exit', () => older?.remove())
const known = older === undefined ? faultsOf(Number(values.sessions)) : upgrade(older.directory)
const seed = Number(values.seed ?? Math.floor(performance.timeOrigin) % 1_000_000)
const all = known.filter(
  ({ name }) => values.only === undefined || values.only.split(',').some((words) => name.includes(words)),
)
if (all.length === 0) {
  console.error(
    `no fault has ${values.only} in its name; there are:\n${known.map(({ name }) => `  ${name}`).join('\n')}`,
  )
  process.exit(2)
}
const end = values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000
let done = 0
console.log(`seed ${seed}: npm run faults -- --seed ${seed} does the same again`)
const { rows, archives, isSound } = await runFaults({
  seed,
  members: Number(values.members),
  brokers: values.brokers === '1' ? 1 : 3,
  portOffset: 11_000,
  ...(older === undefined ? {} : { tree: older.directory }),
  next: (random) => {
    if (end === undefined) return all[done++]
    return performance.now() < end ? all[Math.floor(random() * all.length)] : undefined
  },
  tell: (line) => console.log(line),
})
console.log(
  `\n${tableOf(rows)}\n\n${archives.length === 0 ? 'Archives: complete, once, in order.' : `Archives: ${archives.length} faults.`}`,
)
process.exitCode = isSound ? 0 : 1
