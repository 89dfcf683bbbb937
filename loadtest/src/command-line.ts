import { parseArgs } from 'node:util'
import { maxWorkers } from './plan/plan.ts'
import { readDuration } from './scenario/quantities.ts'

/** Options that a run has, whatever starts it. */
export interface RunOptions {
  readonly target: string
  readonly domain: string | undefined
  readonly users: number | undefined
  readonly durationMs: number | undefined
  readonly workers: number | undefined
  readonly out: string | undefined
  readonly adminUrl: string | undefined
  readonly adminToken: string | undefined
  readonly serverPids: readonly number[]
  readonly metricsUrls: readonly string[]
  readonly metricsPort: number | undefined
  /** Where workers of other machines report: this many are waited for. */
  readonly listen: string | undefined
  readonly expect: number
}

/** What `npm run loadtest` was asked to do. */
export type Command =
  | { readonly do: 'help' }
  | { readonly do: 'run'; readonly file: string; readonly options: RunOptions }
  | { readonly do: 'check'; readonly file: string }
  | {
      readonly do: 'compare'
      readonly file: string
      readonly targets: readonly [string, string]
      readonly rounds: number
      readonly options: RunOptions
    }
  | {
      readonly do: 'compareAll'
      readonly targets: readonly string[]
      /** 0: only the table of what was measured before. */
      readonly rounds: number
      /** Empty: all. */
      readonly pieces: readonly string[]
      /** A command that each piece runs behind. */
      readonly each: readonly string[]
      readonly folder: string
    }
  | { readonly do: 'piece'; readonly name: string; readonly target: string; readonly options: RunOptions }
  | { readonly do: 'target'; readonly name: string; readonly verb: 'install' | 'up' | 'down' | 'status' }
  | { readonly do: 'work'; readonly coordinator: string }

/** How it is used. */
export const usage = `usage: npm run loadtest -- SCENARIO.yml [OPTIONS]                      runs a scenario
       npm run loadtest -- check SCENARIO.yml                          only reads it
       npm run loadtest -- compare A B --scenario SCENARIO.yml [--rounds 3] [OPTIONS]
       npm run loadtest -- compare-all TARGET… [--rounds 1] [--pieces P,Q] [--each COMMAND] [--out FOLDER]
       npm run loadtest -- piece PIECE TARGET --out FOLDER             one part of compare-all
       npm run loadtest -- target ejabberd|prosody install|up|down|status
       npm run loadtest -- work HOST:PORT                              a worker for a coordinator elsewhere

  --target T           HOST:PORT (several with commas), embedded (default: starts one), cluster, ejabberd, prosody
  --domain D           the XMPP domain, if it is not the host
  --users N            users of the common group, instead of the scenario's
  --duration 60s       the measured part, instead of the scenario's
  --workers N          generator processes (default 1)
  --out FOLDER         where report.html and report.json go (default .run/loadtest/NAME-TIME)
  --admin-url U --admin-token T    Starling's admin API, to make accounts
  --server-pids 1,2    processes of the server, for CPU and memory
  --metrics-url U,V    or its /metrics
  --metrics-port N     serve the run's own figures to Prometheus on loopback
  --listen [HOST:]PORT --expect N  wait for N workers of other machines instead of starting own ones
Exit code: 0 passed, 1 a threshold failed, 2 wrong usage or scenario, 3 the generator was the limit, 4 it could not run.`

/** A command, or a sentence. */
export type ReadCommand =
  | { readonly ok: true; readonly value: Command }
  | { readonly ok: false; readonly error: string }

/** Reads the arguments. Errors: a sentence. */
export function readCommandLine(args: readonly string[]): ReadCommand {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return bad((error as Error).message)
  }
  const { values, positionals } = parsed
  const options = readOptions(values)
  if (!options.ok) return options
  const [first, ...rest] = positionals
  if (values.help || first === undefined) return good({ do: 'help' })
  switch (first) {
    case 'compare':
      return compare(rest, values, options.value)
    case 'compare-all':
      return compareAll(rest, values)
    case 'piece': {
      const [name, where, ...more] = rest
      return name === undefined || where === undefined || more.length > 0
        ? bad('piece needs a name and a target')
        : good({ do: 'piece', name, target: where, options: options.value })
    }
    case 'target':
      return target(rest)
    case 'work':
      return rest.length === 1 && rest[0] !== undefined
        ? good({ do: 'work', coordinator: rest[0] })
        : bad('work needs HOST:PORT')
    case 'check':
      return rest.length === 1 && rest[0] !== undefined
        ? good({ do: 'check', file: rest[0] })
        : bad('check needs one scenario')
    default:
      if (rest.length > 0) return bad(`too many arguments: ${rest.join(' ')}`)
      return good({ do: 'run', file: first, options: options.value })
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      target: text,
      domain: text,
      users: text,
      duration: text,
      workers: text,
      out: text,
      scenario: text,
      rounds: text,
      pieces: text,
      each: text,
      listen: text,
      expect: text,
      'admin-url': text,
      'admin-token': text,
      'server-pids': text,
      'metrics-url': text,
      'metrics-port': text,
      help: { type: 'boolean', short: 'h' },
    },
  })
}

type Values = ReturnType<typeof parse>['values']

function readOptions(
  values: Values,
): { readonly ok: true; readonly value: RunOptions } | { readonly ok: false; readonly error: string } {
  const faults: string[] = []
  const whole = (name: 'users' | 'workers' | 'metrics-port' | 'expect', max: number): number | undefined => {
    const text = values[name]
    if (text === undefined) return undefined
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < 1 || number > max)
      faults.push(`--${name} ${text} is not a number from 1 to ${max}`)
    return number
  }
  const durationMs = values.duration === undefined ? undefined : readDuration(values.duration)
  if (values.duration !== undefined && durationMs === undefined)
    faults.push(`--duration ${values.duration} is no time such as 60s`)
  const pids = (values['server-pids'] ?? '').split(',').filter((pid) => pid !== '')
  for (const pid of pids) if (!/^\d+$/.test(pid)) faults.push(`--server-pids: ${pid} is no process id`)
  const value: RunOptions = {
    target: values.target ?? 'embedded',
    domain: values.domain,
    users: whole('users', 10_000_000),
    durationMs,
    workers: whole('workers', maxWorkers),
    out: values.out,
    adminUrl: values['admin-url']?.replace(/\/$/, ''),
    adminToken: values['admin-token'],
    serverPids: pids.map(Number),
    metricsUrls: (values['metrics-url'] ?? '').split(',').filter((url) => url !== ''),
    metricsPort: whole('metrics-port', 65_535),
    listen: values.listen,
    expect: whole('expect', maxWorkers) ?? 1,
  }
  return faults.length === 0 ? { ok: true, value } : { ok: false, error: faults.join('\n') }
}

function compare(rest: readonly string[], values: Values, options: RunOptions): ReadCommand {
  const [a, b, ...more] = rest
  if (a === undefined || b === undefined || more.length > 0) return bad('compare needs two targets')
  if (values.scenario === undefined) return bad('compare needs --scenario')
  const rounds = Number(values.rounds ?? '3')
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100)
    return bad(`--rounds ${values.rounds} is not a number from 1 to 100`)
  return good({ do: 'compare', file: values.scenario, targets: [a, b], rounds, options })
}

const compareFolder = '.run/loadtest/compare-all'

function compareAll(rest: readonly string[], values: Values): ReadCommand {
  if (rest.length === 0) return bad('compare-all needs targets, such as embedded ejabberd prosody')
  const rounds = Number(values.rounds ?? '1')
  if (!Number.isInteger(rounds) || rounds < 0 || rounds > 100)
    return bad(`--rounds ${values.rounds} is not a number from 0 to 100`)
  const words = (text: string | undefined, by: string): readonly string[] =>
    (text ?? '').split(by).filter((word) => word !== '')
  return good({
    do: 'compareAll',
    targets: rest,
    rounds,
    pieces: words(values.pieces, ','),
    each: words(values.each, ' '),
    folder: values.out ?? compareFolder,
  })
}

function target(rest: readonly string[]): ReadCommand {
  const [name, verb, ...more] = rest
  if (name === undefined || more.length > 0) return bad('target needs a name and install, up, down or status')
  switch (verb) {
    case 'install':
    case 'up':
    case 'down':
    case 'status':
      return good({ do: 'target', name, verb })
    default:
      return bad(`target ${name} needs install, up, down or status`)
  }
}

function good(value: Command): ReadCommand {
  return { ok: true, value }
}

function bad(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error }
}
