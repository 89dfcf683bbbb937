// `npm run simulate -- [--seeds N] [--seed X --trace] [--mutate all] [--mutations]`: see docs/simulation.md.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { readCommandLine, type SimulationRequest } from './command-line.ts'
import { mutations } from './flaws.ts'
import { runMutations } from './mutate.ts'
import { type Run, simulate } from './simulate.ts'

const read = readCommandLine(process.argv.slice(2))
if (!read.ok) {
  console.error(read.error)
  process.exit(2)
}
const request = read.value
let failed = 0
if (request.isTraced) failed = await traced(request)
else if (request.source !== undefined) failed = await ofSource(request, request.source)
else if (request.mutations.length === 0) failed = await all(request)
else for (const name of request.mutations) failed += await mutated(request, name)
process.exitCode = failed === 0 ? 0 : 1

async function traced(request: SimulationRequest): Promise<number> {
  const {
    first,
    managed,
    presenceLoss,
    mutations: [name],
  } = request
  const loss = presenceLoss === undefined ? {} : { presenceLoss }
  const options = { ...(managed === undefined ? {} : { managed }), ...loss, flaws: mutations[name ?? '']?.flaws ?? {} }
  const run = await simulate(first, { ...options, onTrace: (line) => console.log(line) })
  console.log(JSON.stringify(run, undefined, 2))
  return run.violations.length
}

/** Nothing is broken on purpose: nothing may fail. */
async function all(request: SimulationRequest): Promise<number> {
  const from = performance.now()
  let found = 0
  const runs = await inThreads(request, undefined, (run) => {
    if (run.violations.length === 0) return true
    found++
    console.log(`✖ seed ${run.seed}: ${run.violations.slice(0, 3).join('; ').slice(0, 600)}`)
    const managed = request.managed === undefined ? '' : ` --managed ${request.managed}`
    const loss = request.presenceLoss === undefined ? '' : ` --redis ${request.presenceLoss}`
    console.log(`  again: npm run simulate -- --seed ${run.seed}${managed}${loss} --trace`)
    return found < request.stopAt
  })
  const bad = runs.filter(({ violations }) => violations.length > 0).length
  const sum = (of: (run: Run) => number): number => runs.reduce((total, run) => total + of(run), 0)
  const seconds = (performance.now() - from) / 1000
  console.log(
    `${runs.length} seeds, ${bad} failed; ${sum((run) => run.messages)} messages sent, ${sum((run) => run.acknowledged)} acknowledged; ` +
      `${sum((run) => run.steps)} steps in ${seconds.toFixed(1)} s, ${Math.round((runs.length / seconds) * 60)} seeds a minute`,
  )
  return bad
}

/** A rule is taken away: some seed must fail. */
async function mutated(request: SimulationRequest, name: string): Promise<number> {
  const found: Run[] = []
  const runs = await inThreads(request, name, (run) => {
    if (run.violations.length > 0) found.push(run)
    return found.length < 25
  })
  const first = found.toSorted((one, other) => one.seed - other.seed)[0]
  const what = first === undefined ? 'not caught' : `seed ${first.seed}: ${first.violations[0]?.slice(0, 120)}`
  console.log(
    `${first === undefined ? '✖' : '✔'} ${name.padEnd(20)} ${found.length} of ${runs.length} seeds fail; ${what}`,
  )
  return first === undefined ? 1 : 0
}

/** Rules are taken out of a copy of the source, one after another: each must be noticed. */
async function ofSource({ first, seeds, jobs }: SimulationRequest, only: string): Promise<number> {
  const verdicts = await runMutations({
    only,
    first,
    seeds,
    jobs,
    tell: ({ mutation: { name, rule, whyNot }, seeds: ran, caught }) => {
      const mark = caught !== undefined ? '✔' : whyNot === undefined ? '✖' : 'ℹ'
      const none = whyNot === undefined ? 'not caught' : `not caught: ${whyNot}`
      console.log(`${mark} ${name} (${rule}): ${ran} seeds, ${caught?.slice(0, 160) ?? none}`)
    },
  })
  return verdicts.filter(({ caught, mutation }) => caught === undefined && mutation.whyNot === undefined).length
}

/** Runs the seeds on several threads until `use` has had enough. Order: as they end. */
async function inThreads(
  { first, seeds, managed, presenceLoss, jobs }: SimulationRequest,
  mutation: string | undefined,
  use: (run: Run) => boolean,
): Promise<readonly Run[]> {
  const runs: Run[] = []
  let next = first
  let isEnough = false
  const work = async (): Promise<void> => {
    const thread = new Worker(new URL('./thread.ts', import.meta.url))
    while (!isEnough && next < first + seeds) {
      thread.postMessage({ seed: next++, managed, mutation, presenceLoss })
      const [run] = (await once(thread, 'message')) as [Run]
      runs.push(run)
      isEnough ||= !use(run)
    }
    await thread.terminate()
  }
  await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, work))
  return runs
}
