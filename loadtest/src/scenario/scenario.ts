/** How a client reaches the server. */
export type Transport = 'tcp' | 'starttls' | 'tls' | 'websocket' | 'bosh'

/** SASL mechanism; `auto` takes the strongest that both sides know. */
export type Mechanism = 'auto' | 'PLAIN' | 'SCRAM-SHA-1' | 'SCRAM-SHA-256'

/**
 * How a client signs in: by SASL of RFC 6120 and its own steps after it; by SASL2 with everything inside (XEP-0388, XEP-0386);
 * or so by a token from the second time on (XEP-0484).
 */
export type SignInKind = 'sasl' | 'sasl2' | 'fast'

/** What a client speaks. */
export interface Connection {
  readonly transport: Transport
  readonly signIn: SignInKind
  readonly mechanism: Mechanism
  /** XEP-0198. */
  readonly streamManagement: boolean
  /** XEP-0280. */
  readonly carbons: boolean
  /** XEP-0352: each client says once that it is inactive. */
  readonly clientState: boolean
  /** Local addresses that connections leave from, in turn; empty leaves it to the system. */
  readonly sourceAddresses: readonly string[]
}

/** Where accounts come from. */
export type Accounts =
  | { readonly by: 'api' | 'register' | 'existing'; readonly prefix: string; readonly password: string }
  | { readonly by: 'csv'; readonly file: string }

/** How often something happens: for all users together, or for each. Units: events a second; ms. */
export type Pace =
  | { readonly kind: 'rate'; readonly perSecond: number }
  | { readonly kind: 'each'; readonly everyMs: number }

/** Users a block acts on: their place in `groups`; 0 is the common group. */
interface OnUsers {
  readonly group: number
}

/** One kind of load. */
export type Block =
  | (OnUsers & { readonly kind: 'idle' })
  | (OnUsers & {
      readonly kind: 'chat'
      readonly pace: Pace | { readonly kind: 'inFlight'; readonly messages: number }
      /** Units: bytes. */
      readonly bodyBytes: number
      /** False adds the hint not to archive (XEP-0334). */
      readonly isStored: boolean
    })
  | (OnUsers & { readonly kind: 'presence'; readonly pace: Pace })
  | (OnUsers & { readonly kind: 'loginStorm'; readonly pace: Pace; readonly stayMs: number })
  | (OnUsers & {
      readonly kind: 'history'
      readonly pace: Pace
      /** Messages that wait for each who comes back. */
      readonly messages: number
      /** Units: messages. */
      readonly pageSize: number
    })
  | (OnUsers & {
      readonly kind: 'pages'
      /** In a closed loop each user has one page on the way. */
      readonly pace: Pace | { readonly kind: 'inFlight'; readonly messages: number }
      readonly order: 'newest' | 'walking'
      /** Units: messages. */
      readonly pageSize: number
    })
  | (OnUsers & { readonly kind: 'flaps'; readonly pace: Pace; readonly awayMs: number })

/** Processes of the server that die without warning. Units: ms. */
export interface PodKill {
  readonly everyMs: number
  /** Which pods of `npm run cluster`; one of them by chance. */
  readonly service: string
  /** From the death to the start of the same pod. */
  readonly restartAfterMs: number
  /** A shell command instead, such as kubectl's; empty without. */
  readonly command: string
}

/** A load to run, as read from its file. Units: ms, as named. */
export interface Scenario {
  readonly name: string
  /** Users of each group, even numbers; the first is the common one, which is on from the beginning. */
  readonly groups: readonly number[]
  readonly durationMs: number
  readonly warmUpMs: number
  readonly seed: number
  readonly arrivals: 'poisson' | 'even'
  readonly signInPerSecond: number
  readonly connection: Connection
  readonly accounts: Accounts
  /** Contacts of each user, both ways. */
  readonly contacts: number
  /** Messages that each archive of the common group holds before the load begins. */
  readonly archives: number
  readonly blocks: readonly Block[]
  readonly podKill: PodKill | undefined
  readonly thresholds: readonly string[]
  /** From when a message counts as late. */
  readonly lateAfterMs: number
  /** Silence after which what is missing counts as lost. */
  readonly lostAfterMs: number
  /** Longest wait for what is on its way at the end; what is missing then counts as lost. */
  readonly waitAtMostMs: number
}
