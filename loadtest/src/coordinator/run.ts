import { randomInt } from 'node:crypto'
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { judgeSaturation } from '../measure/saturation.ts'
import { countUsers, planWorkers } from '../plan/plan.ts'
import { figuresOf, type RunResult } from '../report/result.ts'
import { judge } from '../report/thresholds.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { chooseAccounts, createByApi } from './accounts.ts'
import { commandFleet, type Fleet } from './fleet.ts'
import type { Metrics } from './metrics.ts'
import { startKills } from './pod-kill.ts'
import { difference, Recorder, sumCounts, sumOf, sumReconciled } from './recorder.ts'
import { costOf, idleShare, settle, usageOf } from './server-cost.ts'
import type { Target } from './target.ts'
import { startWatch } from './watch.ts'
import type { WorkerChannel } from './workers.ts'

/** What a run needs from outside. */
export interface RunPorts {
  readonly target: Target
  /** One for each worker, already there. */
  readonly channels: readonly WorkerChannel[]
  readonly metrics: Metrics | undefined
  /** Accounts to make, where they are made; the scenario's users if undefined. */
  readonly accounts: number | undefined
  /** The progress line. */
  readonly show: (line: string) => void
  /** What is said once. */
  readonly say: (line: string) => void
  /** Breaks the run off. */
  readonly signal: AbortSignal
}

/** Runs a scenario against a target and reports. Errors: rejects with a sentence when it cannot be run to its end. */
export async function runScenario(scenario: Scenario, ports: RunPorts): Promise<RunResult> {
  const fleet = commandFleet(ports.channels)
  const broken = (): void => fleet.abort('broken off')
  ports.signal.addEventListener('abort', broken)
  try {
    return await runWith(scenario, fleet, ports)
  } finally {
    ports.signal.removeEventListener('abort', broken)
    fleet.close()
  }
}

async function runWith(scenario: Scenario, fleet: Fleet, ports: RunPorts): Promise<RunResult> {
  const { target, channels, say } = ports
  const startedAt = new Date().toISOString()
  const users = countUsers(scenario.groups)
  const provision = await provide(scenario, Math.max(users, ports.accounts ?? 0), ports)
  const plans = planWorkers(
    { ...scenario, accounts: provision.accounts },
    {
      workers: channels.length,
      domain: target.domain,
      endpoints: target.endpoints,
      runTag: randomTag(),
      accounts: provision.list,
    },
  )
  const recorder = new Recorder()
  fleet.onSecond((second, worker) => recorder.take(second, worker))
  await fleet.plan(plans)
  const idle = await idleShare(target)
  const usedAtStart = await usageOf(target)
  const watch = startWatch({ users, recorder, fleet, ports })
  try {
    await watch.during('signing in', undefined, () => fleet.enter('signIn'))
    await watch.fresh()
    const { online } = sumOf(fleet.latest())
    const expected = users - countOff(scenario)
    if (expected > 0 && online === 0) throw new Error(`nobody could sign in: ${reasons(fleet)}`)
    if (online < expected) say(`${expected - online} of ${expected} users could not sign in: ${reasons(fleet)}`)
    if (scenario.contacts > 0 || scenario.archives > 0) {
      const what = [...(scenario.contacts > 0 ? ['rosters'] : []), ...(scenario.archives > 0 ? ['archives'] : [])]
      await watch.during(`preparing ${what.join(' and ')}`, undefined, () => fleet.enter('seed'))
    }
    await fleet.enter('load')
    await watch.during('warming up', scenario.warmUpMs, () => pause(scenario.warmUpMs, ports.signal))
    await fleet.enter('measure')
    recorder.begin()
    watch.zero()
    const before = await watch.fresh()
    // Right after the count: what the server does from here on is for what is counted from here on.
    const usedBefore = await usageOf(target)
    const stopKills = startKills(scenario.podKill, target, say)
    await watch
      .during('measuring', scenario.durationMs, () => pause(scenario.durationMs, ports.signal))
      .finally(stopKills)
    const after = await watch.fresh()
    recorder.endLoad()
    await watch.during('waiting for the rest', undefined, () => fleet.enter('drain'))
    await settle(target, idle)
    const usedAfter = await usageOf(target)
    const end = await watch.fresh()
    await fleet.enter('end')
    const server = costOf({
      start: usedAtStart,
      idle,
      before: usedBefore,
      after: usedAfter,
      messages: end.received - before.received,
      recorder,
    })
    const seconds = (after.at - before.at) / 1_000
    const base = {
      name: scenario.name,
      target: target.name,
      startedAt,
      scenario,
      workers: channels.length,
      users,
      online: after.online,
      machine: { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version, load: loadavg()[0] ?? 0 },
      notes: [provision.note],
      reconciled: sumReconciled(fleet.results()),
      measures: recorder.total.summaries(),
      counts: difference(end.counts, before.counts),
      failures: end.failures,
      sentPerSecond: (after.sent - before.sent) / seconds,
      receivedPerSecond: (after.received - before.received) / seconds,
      server,
      saturation: judgeSaturation(recorder.health),
    }
    const thresholds = judge(scenario.thresholds, figuresOf(base))
    const isFailed = thresholds.some(({ ok }) => !ok)
    const verdict = base.saturation.isSaturated ? 'invalid' : isFailed ? 'failed' : 'passed'
    return { ...base, thresholds, verdict, moments: recorder.moments }
  } finally {
    watch.stop()
  }
}

async function provide(
  scenario: Scenario,
  users: number,
  { target, say, show }: Pick<RunPorts, 'target' | 'say' | 'show'>,
) {
  const provision = chooseAccounts(scenario, target)
  say(
    `${target.name} (${target.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ')}): ${users} users, ${provision.note}`,
  )
  const { accounts, list } = provision
  if (accounts.by === 'csv' && list.length < users) {
    throw new Error(`${accounts.file} holds ${list.length} accounts, and ${users} users are wanted`)
  }
  if (accounts.by === 'api' && target.admin !== undefined) {
    const names = Array.from({ length: users }, (_, i) => `${accounts.prefix}${i}`)
    const options = { domain: target.domain, password: accounts.password, admin: target.admin }
    await createByApi(names, options, (done) => {
      if (done % 50 === 0 || done === users) show(`making accounts  ${done}/${users}`)
    })
  }
  return provision
}

/** Users who are not on when the load begins: those of storms, and readers of histories. */
function countOff({ groups, blocks }: Scenario): number {
  return groups.reduce((sum, users, group) => {
    const own = blocks.filter((block) => block.group === group)
    if (own.some(({ kind }) => kind === 'loginStorm')) return sum + users
    return own.some(({ kind }) => kind === 'history') ? sum + users / 2 : sum
  }, 0)
}

function reasons(fleet: Fleet): string {
  const all = Object.entries(
    sumCounts(
      fleet.latest().map(({ failures }) => failures),
      false,
    ),
  )
  const sorted = all.sort(([, a], [, b]) => b - a).slice(0, 3)
  return sorted.map(([reason, count]) => `${reason} (${count})`).join('; ') || 'no reason is known yet'
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw new Error('broken off')
  }
}

/** Three letters, so that messages of an earlier run are not taken for this one's. */
function randomTag(): string {
  return Array.from({ length: 3 }, () => String.fromCharCode(97 + randomInt(26))).join('')
}
