import type { Reconciled } from '../measure/ledger.ts'
import type { Health } from '../measure/saturation.ts'
import type { WorkerPlan } from '../plan/plan.ts'

/** The parts of a run, in their order. */
export const phases = ['signIn', 'seed', 'load', 'measure', 'drain', 'end'] as const

/** A part of a run. */
export type Phase = (typeof phases)[number]

/** What the coordinator tells a worker. */
export type Order = { readonly do: 'plan'; readonly plan: WorkerPlan } | { readonly do: 'phase'; readonly phase: Phase }

/** What is counted. Units: events since the worker began. */
export type Counts = Readonly<Record<string, number>>

/** Every counter and what it counts; those that never moved are 0. */
export const counters = {
  signedIn: 'sign-ins that led to a new session',
  signInFailures: 'sign-ins that came to nothing',
  disconnects: 'connections that ended without our doing',
  cuts: 'connections cut on purpose',
  resumed: 'sessions resumed',
  tokenSignIns: 'sign-ins by a token (XEP-0484), resumptions among them',
  tokensRefused: 'tokens the server refused; the password followed',
  resumeFailed: 'sessions the server would not resume',
  uncertain: 'messages of sessions that ended before they were acknowledged',
  skippedAway: 'events left out because their user was away on purpose',
  notSent: 'messages not sent because the connection was gone',
  presenceSent: 'changes of presence',
  presenceExpected: 'contacts that were on at those changes',
  presenceDelivered: 'changes that contacts heard of',
  subscriptionsMissing: 'subscriptions that were not made while rosters were prepared',
  stormArrivals: 'sign-ins of a login storm',
  stormShort: 'sign-ins of a login storm for which nobody was off',
  archiveSeeded: 'messages written to fill archives before the load',
  pagesBusy: 'pages not asked for because their reader still waited for one',
  historyPages: 'pages of archives',
  historyMessages: 'messages in them',
  historyNotReady: 'returns for which no reader was ready',
  catchUps: 'readers who have caught up',
  stanzas: 'stanzas received, of any kind',
} as const

/** A worker's last second. */
export interface Second {
  readonly users: number
  readonly online: number
  readonly sent: number
  readonly received: number
  readonly open: number
  readonly counts: Counts
  /** Failures by their reason. */
  readonly failures: Counts
  /** Histograms of this second alone, encoded. */
  readonly measured: Readonly<Record<string, string>>
  readonly health: Health
}

/** What a worker tells the coordinator. */
export type Report =
  | { readonly say: 'ready' }
  | { readonly say: 'done'; readonly phase: Phase }
  | { readonly say: 'second'; readonly second: Second }
  | { readonly say: 'result'; readonly reconciled: Reconciled }
  | { readonly say: 'failed'; readonly text: string }
