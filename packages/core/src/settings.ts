import type { ModuleOptions } from './registry.ts'

/** Everything that can be configured, as stages read it; the schema with defaults, ranges and docs is runtime's. */
export interface Settings {
  /** Name of this process, unique among those that run; empty: made of its service, machine and process id. */
  readonly pod: string
  readonly domain: string
  /** Further domains that are served. */
  readonly domains: readonly string[]
  readonly dataDir: string
  readonly portOffset: number
  /** Address listened on; loopback for the admin API unless configured. */
  readonly ports: {
    readonly c2s: number
    readonly c2sTls: number
    readonly http: number
  }
  readonly listen: { readonly c2s: string; readonly http: string }
  readonly tls: { readonly certificateFile: string; readonly keyFile: string; readonly directory: string }
  /** For every limit 0 means none. */
  readonly c2s: {
    readonly requireTls: boolean
    readonly streamsPerAddress: number
    readonly stanzasPerSecond: number
    readonly bytesPerSecond: number
    readonly loginsPerSecond: number
    readonly unauthenticatedTimeoutMs: number
    readonly maxStanzaBytes: number
    readonly maxOutputBytes: number
    readonly maxInFlightStanzas: number
    readonly pingAfterMs: number
    readonly pingTimeoutMs: number
    readonly maxResources: number
    /** Whether connections to the client ports begin with a header of the PROXY protocol, version 2. */
    readonly proxyProtocol: boolean
    /** What host-meta tells clients; empty: this process's own HTTP port under the domain. Source: XEP-0156. */
    readonly websocketUrl: string
    /** The same of BOSH. */
    readonly boshUrl: string
  }
  /** Stream management. Source: XEP-0198. */
  readonly sm: {
    /** Units: s that a session is kept after its connection, and the most a client may ask for; 0: no resumption. */
    readonly resumeSeconds: number
    /** Units: stanzas sent and not acknowledged; above it a connection ends, and a hibernating session takes no more. */
    readonly maxUnackedStanzas: number
    /** Units: stanzas after which an acknowledgement is asked for at once. */
    readonly requestAfterStanzas: number
    /** Units: ms until one is asked for anyway. */
    readonly requestAfterMs: number
    /** Units: ms without an answer until the connection counts as dead. */
    readonly ackTimeoutMs: number
  }
  readonly registration: { readonly inBand: boolean; readonly perAddressPerHour: number }
  readonly scram: { readonly iterations: number }
  /** Empty: embedded (in-process log and presence, SQLite in dataDir). */
  readonly log: {
    readonly brokers: readonly string[]
    readonly client: 'kafkajs' | 'platformatic'
    readonly partitions: number
    readonly slots: number
    /** Units: ms between two requests to the brokers, at least. */
    readonly gatherMs: number
    /** Whether brokers are spoken to by TLS. */
    readonly tls: boolean
    /** PEM files: authorities to trust (empty: the system's), and what is shown of oneself (empty: nothing). */
    readonly caFile: string
    readonly certificateFile: string
    readonly keyFile: string
    readonly sasl: 'none' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    readonly user: string
    readonly password: string
  }
  /** Without brokers. */
  readonly embedded: {
    /** What log and presence of the one process survive: nothing, its death, or the machine's as well. */
    readonly durability: 'memory' | 'process' | 'power'
  }
  readonly redisUrl: string
  /** Where `redisUrl` has none; empty: none. */
  readonly redisPassword: string
  /** PEM files for `rediss://`, as those of `log`. */
  readonly redisTls: { readonly caFile: string; readonly certificateFile: string; readonly keyFile: string }
  readonly databaseUrl: string
  readonly admin: {
    /** Empty: one is made and kept in `dataDir`. */
    readonly token: string
    /** Whether the admin API answers others than loopback. */
    readonly allowRemote: boolean
  }
  /** Where the admin command finds the API; empty: it looks for a server on this machine. */
  readonly adminUrl: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Traces of sampled stanzas. */
  readonly tracing: {
    /** Where spans are sent by OTLP over HTTP; empty: tracing is off. */
    readonly otlpUrl: string
    /** Share of clients' stanzas that are traced, 0 to 1. */
    readonly sampleRatio: number
    /** `name=value` of HTTP headers that the receiver asks for, separated by commas. */
    readonly otlpHeaders: string
    /** Units: spans waiting to be sent; what comes beyond is dropped. */
    readonly maxQueuedSpans: number
  }
  readonly archive: { readonly retentionDays: number }
  readonly offline: { readonly maxStanzas: number }
  /** Of session and routing in a cluster. Units: bytes, about. */
  readonly states: { readonly maxBytes: number }
  readonly session: {
    readonly maxRosters: number
    readonly maxRosterItems: number
    readonly maxDirectedPresence: number
  }
  readonly drainTimeoutMs: number
  readonly modules: ModuleOptions
}
