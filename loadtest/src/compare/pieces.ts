import type { RunResult } from '../report/result.ts'
import type { Transport } from '../scenario/scenario.ts'

/** A figure of a piece, by its name in the table. Undefined where a run did not have it. */
export type Figures = Readonly<Record<string, number | undefined>>

/** One run of a piece. */
export interface PieceRun {
  /** A scenario, without what all runs of a piece have alike. */
  readonly scenario: string
  readonly read: (result: RunResult) => Figures
}

/** A part of the comparison that is measured in one go, on one start of the server. */
export interface Piece {
  readonly name: string
  readonly transport: Transport
  /** Accounts that it needs. */
  readonly users: number
  readonly runs: readonly PieceRun[]
  /** Looks for the highest of these rates that goes well by the last of `runs`, after those before it. Units: messages a second. */
  readonly rates?: readonly number[]
}

const talkers = 500
const stormUsers = 1_200
const pageReaders = 20

const chat = (name: string, rest: string, extra = ''): string =>
  `name: ${name}\nusers: ${talkers}\nsignInRate: 250\nwarmUp: 2s\nduration: 8s\n${extra}blocks: [chat: {${rest}}]\n`

/** What a message cost, in all and of it in the database. */
function messageCost(prefix: string, { server, measures, receivedPerSecond }: RunResult): Figures {
  const database = server?.parts.filter(({ name }) => name.startsWith('postgres')) ?? []
  const { cpuPerMillion } = server ?? {}
  const share = database.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / Math.max(1e-9, server?.cpuSeconds ?? 0)
  return {
    [`${prefix}.cpu`]: cpuPerMillion,
    [`${prefix}.database`]: database.length === 0 || cpuPerMillion === undefined ? undefined : cpuPerMillion * share,
    [`${prefix}.rate`]: receivedPerSecond,
    [`${prefix}.p50`]: measures.message?.p50,
    [`${prefix}.p99`]: measures.message?.p99,
  }
}

/** What the generator itself needed: messages sent and received for a CPU second of its processes. */
function messagesOfACore({ moments, scenario }: RunResult): number {
  const within = moments.filter(({ at }) => at > 1 && at <= scenario.durationMs / 1_000)
  const sum = (read: (moment: RunResult['moments'][number]) => number): number =>
    within.reduce((all, moment) => all + read(moment), 0)
  return sum(({ received }) => received) / sum(({ generatorCpu }) => generatorCpu)
}

function messages(name: string, more: string): Piece {
  return {
    name,
    transport: 'tcp',
    users: talkers,
    runs: [
      // Full load first: a server that has run for seconds only would be charged for its compiler at 500/s
      {
        scenario: chat(`${name}-full`, `inFlight: 2${more}`, 'lostAfter: 15s\nwaitAtMost: 30s\n'),
        read: (result) => ({
          ...messageCost(`${name}.full`, result),
          [`${name}.generator`]: messagesOfACore(result),
          memoryAtStart: result.server?.memoryAtStartMb,
          idle: result.server?.idlePercent,
        }),
      },
      {
        scenario: chat(`${name}-500`, `rate: 500${more}`),
        read: (result) => messageCost(`${name}.500`, result),
      },
    ],
  }
}

function highest(name: string, more: string, rates: readonly number[]): Piece {
  return {
    name,
    transport: 'tcp',
    users: talkers,
    rates,
    runs: [
      warm(chat(`${name}-warm`, `inFlight: 2${more}`, 'lostAfter: 15s\nwaitAtMost: 30s\n')),
      {
        scenario: `name: ${name}\nusers: ${talkers}\nsignInRate: 250\nwarmUp: 2s\nduration: 7s\nlostAfter: 5s\nwaitAtMost: 5s\nblocks: [chat: {rate: RATE${more}}]\n`,
        read: () => ({}),
      },
    ],
  }
}

function sessions(transport: 'tcp' | 'tls'): Piece {
  const name = `sessions-${transport}`
  const scenario = (more: string): string =>
    `name: ${name}\nusers: 100\nsignInRate: 100\nwarmUp: 2s\n${more}blocks: [loginStorm: {users: ${stormUsers}, rate: 80}]\n`
  const signIn = ({ server, counts }: RunResult): number =>
    ((server?.cpuSeconds ?? Number.NaN) / (counts['stormArrivals'] ?? 0)) * 1_000
  return {
    name,
    transport,
    users: 100 + stormUsers,
    runs: [
      // The first storm makes the heap grow, the second finds the code compiled
      {
        scenario: scenario('duration: 22s\n'),
        read: (result) => ({
          [`${name}.first`]: signIn(result),
          [`${name}.memoryKb`]:
            ((result.server?.memoryGrownMb ?? Number.NaN) / (result.counts['signedIn'] ?? 0)) * 1_024,
        }),
      },
      { scenario: scenario('duration: 17s\n'), read: (result) => ({ [`${name}.signIn`]: signIn(result) }) },
    ],
  }
}

const pages = (order: 'newest' | 'walking'): PieceRun => ({
  scenario: `name: pages-${order}\nusers: ${pageReaders}\nsignInRate: 100\narchives: 1000\nwarmUp: 1s\nduration: 8s\nblocks: [pages: {inFlight: 1, order: ${order}}]\n`,
  read: (result) => ({
    [`pages.${order}`]: ((result.server?.cpuSeconds ?? Number.NaN) / (result.counts['historyPages'] ?? 0)) * 1_000,
    [`pages.${order}.rate`]: (result.counts['historyPages'] ?? 0) / 8,
  }),
})

const presence =
  'name: presence\nusers: 200\nsignInRate: 100\ncontacts: 20\nwarmUp: 2s\nduration: 10s\nblocks: [presence: {rate: 200}]\n'

/** A run that is not read: so that no server is judged by its first seconds, which its compiler makes dear. */
const warm = (scenario: string): PieceRun => ({ scenario, read: () => ({}) })

/** Everything that the table of docs/benchmarks.md holds. */
export const pieces: readonly Piece[] = [
  messages('archived', ''),
  messages('unarchived', ', store: false'),
  highest('highest-archived', '', [300, 450, 900, 1_500, 2_000, 2_500, 3_500, 5_000, 6_500, 8_000, 10_000]),
  highest('highest-unarchived', ', store: false', [900, 1_600, 3_000, 5_000, 7_500, 10_000, 12_500, 15_000]),
  {
    name: 'presence',
    transport: 'tcp',
    users: 200,
    runs: [
      warm(presence),
      {
        scenario: presence,
        read: (result) => ({
          'presence.cpu':
            ((result.server?.cpuSeconds ?? Number.NaN) / (result.counts['presenceDelivered'] ?? 0)) * 1_000_000,
          'presence.missing': (result.counts['presenceExpected'] ?? 0) - (result.counts['presenceDelivered'] ?? 0),
        }),
      },
    ],
  },
  {
    name: 'pages',
    transport: 'tcp',
    users: pageReaders,
    runs: [warm(pages('walking').scenario), pages('walking'), pages('newest')],
  },
  sessions('tcp'),
  sessions('tls'),
]

/** What all runs have alike: SCRAM-SHA-1, no stream management, accounts that are there already. */
export function wholeScenario(piece: Piece, scenario: string): string {
  return `${scenario}accounts: {by: existing}\nconnection: {transport: ${piece.transport}, mechanism: SCRAM-SHA-1, streamManagement: false}\n`
}
