import { readDuration } from './quantities.ts'
import type { Accounts, Block, Connection, Pace, Scenario } from './scenario.ts'

interface Options {
  readonly users?: number
  readonly rate?: number
  readonly every?: string
  readonly inFlight?: number
  readonly bodyBytes?: number
  readonly store?: boolean
  readonly stay?: string
  readonly messages?: number
  readonly pageSize?: number
  readonly order?: 'newest' | 'walking'
  readonly away?: string
}

/** A scenario's file once the schema has let it pass. */
export interface ScenarioFile {
  readonly name?: string
  readonly users?: number
  readonly duration?: string
  readonly warmUp?: string
  readonly seed?: number
  readonly arrivals?: Scenario['arrivals']
  readonly signInRate?: number
  readonly contacts?: number
  readonly archives?: number
  readonly lateAfter?: string
  readonly lostAfter?: string
  readonly waitAtMost?: string
  readonly connection?: Partial<Connection>
  readonly accounts?: {
    readonly by?: Accounts['by']
    readonly prefix?: string
    readonly password?: string
    readonly file?: string
  }
  readonly blocks: readonly Readonly<Record<string, Options | null>>[]
  readonly podKill?: {
    readonly every: string
    readonly service?: string
    readonly restartAfter?: string
    readonly command?: string
  }
  readonly thresholds?: readonly string[]
}

/** Fills in what a file leaves out; the defaults are those the schema tells. */
export function resolveScenario(file: ScenarioFile, name: string): Scenario {
  const groups = [even(file.users ?? 100)]
  const blocks = file.blocks.flatMap((block) => {
    const [kind, options] = Object.entries(block)[0] ?? ['idle', null]
    const users = options?.users
    return blocksOf(kind, options ?? {}, users === undefined ? 0 : groups.push(even(users)) - 1)
  })
  return {
    name: file.name ?? name,
    groups,
    durationMs: ms(file.duration, 60_000),
    warmUpMs: ms(file.warmUp, 5_000),
    seed: file.seed ?? 1,
    arrivals: file.arrivals ?? 'poisson',
    signInPerSecond: file.signInRate ?? 50,
    contacts: file.contacts ?? 0,
    archives: file.archives ?? 0,
    lateAfterMs: ms(file.lateAfter, 5_000),
    lostAfterMs: ms(file.lostAfter, 10_000),
    waitAtMostMs: ms(file.waitAtMost, 600_000),
    connection: {
      transport: 'starttls',
      signIn: 'sasl',
      mechanism: 'auto',
      streamManagement: file.connection?.transport !== 'bosh',
      carbons: false,
      clientState: false,
      sourceAddresses: [],
      ...file.connection,
    },
    accounts: accounts(file.accounts ?? {}),
    blocks,
    podKill: podKill(file.podKill),
    thresholds: file.thresholds ?? [],
  }
}

function accounts({
  by = 'api',
  prefix = 'load',
  password = 'of-the-load',
  file = '',
}: NonNullable<ScenarioFile['accounts']>): Accounts {
  return by === 'csv' ? { by, file } : { by, prefix, password }
}

function podKill(file: ScenarioFile['podKill']): Scenario['podKill'] {
  if (file === undefined) return undefined
  const { every, service = 'connection-manager', restartAfter, command = '' } = file
  return { everyMs: ms(every, 60_000), service, restartAfterMs: ms(restartAfter, 5_000), command }
}

function blocksOf(kind: string, options: Options, group: number): readonly Block[] {
  const pace = paceOf(options)
  switch (kind) {
    case 'chat':
      return [{ group, kind, pace: loopOf(options, pace), ...chat(options) }]
    case 'presence':
      return [{ group, kind, pace }]
    case 'loginStorm':
      return [{ group, kind, pace, stayMs: ms(options.stay, Number.MAX_SAFE_INTEGER) }]
    case 'history':
      return [{ group, kind, pace, messages: options.messages ?? 100, pageSize: options.pageSize ?? 50 }]
    case 'pages': {
      const { order = 'walking', pageSize = 50 } = options
      return [{ group, kind, pace: loopOf(options, pace), order, pageSize }]
    }
    case 'flaps':
      return [{ group, kind, pace, awayMs: ms(options.away, 2_000) }]
    case 'mixedDay':
      return mixedDay(group, { kind: 'each', everyMs: ms(options.every, 600_000) })
    default:
      return [{ group, kind: 'idle' }]
  }
}

/** Real traffic: of each user one message, one presence change and one lost connection in the same time. */
function mixedDay(group: number, pace: Pace): readonly Block[] {
  return [
    { group, kind: 'chat', pace, ...chat({}) },
    { group, kind: 'presence', pace },
    { group, kind: 'flaps', pace, awayMs: 5_000 },
  ]
}

function chat(options: Options): { readonly bodyBytes: number; readonly isStored: boolean } {
  return { bodyBytes: options.bodyBytes ?? 80, isStored: options.store ?? true }
}

function paceOf({ rate, every }: Options): Pace {
  return every === undefined ? { kind: 'rate', perSecond: rate ?? 1 } : { kind: 'each', everyMs: ms(every, 1_000) }
}

/** A closed loop, if the block says so. */
function loopOf({ inFlight }: Options, pace: Pace): Pace | { readonly kind: 'inFlight'; readonly messages: number } {
  return inFlight === undefined ? pace : { kind: 'inFlight', messages: inFlight }
}

function ms(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (readDuration(text) ?? otherwise)
}

/** Users talk in pairs. */
function even(users: number): number {
  return users + (users % 2)
}
