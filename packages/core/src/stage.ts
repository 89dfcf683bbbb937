import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { BareJid } from '@starling/jid'
import type { Envelope, InboxName, Json, Target } from '@starling/wire'
import type { Presence } from './presence.ts'
import type { Registry } from './registry.ts'
import type { Settings } from './settings.ts'
import type { QueryCall, Storage } from './storage.ts'
import type { Logger, Metrics, Tracing } from './watching.ts'

/** Where an envelope stands in the log. */
export interface Place {
  readonly inbox: InboxName
  readonly partition: number
  readonly offset: number
  readonly index: number
}

/** An envelope to handle, and its place. */
export interface Input {
  readonly place: Place
  readonly envelope: Envelope
}

/** Inputs of one partition, in order, duplicates already dropped (R3). */
export interface Batch {
  readonly inbox: InboxName
  readonly partition: number
  readonly inputs: readonly Input[]
  /** Offset of the last record, handled or dropped; a state saved after this batch carries it as its mark. */
  readonly lastOffset: number
  /** When presence last forgot the states of this partition, by the log's times; 0 or missing: never. Units: ms since 1970. */
  readonly forgotAtMs?: number
}

/** An envelope to publish and what caused it; the runtime stamps the cause and finds the partition. */
export interface Output {
  readonly cause: Input
  readonly to: InboxName
  readonly envelope: Envelope
  /** A question that carries its cause along: numbered last, so that what the answer causes is no duplicate (R3). */
  readonly isQuestion?: boolean
  /**
   * Its number among what its cause brings about, where that must not hang on what stands before it; above the numbers before it,
   * those after go on from it. So what is left out at a repetition takes no other's number (R3).
   */
  readonly number?: number
}

/**
 * What a batch came to.
 * Order: outputs stand in cause order. They are published pods and routing first, then session, then storage, each step
 * durable before the next (what storage holds, everybody was told: see docs/route.md); then `save`; then the commit (R2, R3).
 */
export interface Work {
  readonly outputs: readonly Output[]
  readonly save?: () => Promise<void>
}

/** A stage at work on the partitions it was assigned. */
export interface Worker {
  /** Handles one batch. Errors: a rejection (infrastructure away) has the whole batch handed over again. */
  readonly work: (batch: Batch) => Promise<Work>
  readonly assigned?: (inbox: InboxName, partition: number) => void
  /** The partition went elsewhere: what memory holds of its keys is forgotten. */
  readonly revoked?: (inbox: InboxName, partition: number) => void
  readonly close?: () => Promise<void>
}

/** What every stage is given. */
export interface Io {
  /** Name of this pod, unique among those that run. */
  readonly pod: string
  /** The first of the domains that are served. */
  readonly domain: BareJid
  /** Whether a domain is served here, now: domains may come and go while a process runs. Shape: normalized. */
  readonly isServed: (domain: string) => boolean
  readonly settings: Settings
  readonly registry: Registry
  readonly presence: Presence
  readonly logger: Logger
  readonly metrics: Metrics
  /** Units: ms since 1970. */
  readonly clock: () => number
  /** Units: ms, never going back; what leases are measured by. */
  readonly monotonic: () => number
  readonly random: (bytes: number) => Uint8Array
}

/** What the storage stage is given beside. */
export interface StorageIo extends Io {
  readonly storage: Storage
}

/** Answer to a pod's question. */
export type AskResult =
  | { readonly ok: true; readonly value: Json | undefined }
  /** `timeout`: no answer in time; `unavailable`: the log refused the question. */
  | { readonly ok: false; readonly error: 'timeout' | 'unavailable' }

/** A pod's own inbox: its slot of the pod topic, leased (R7). */
export interface PodInbox {
  /** This pod's slot and epoch, with a connection number of the caller's. */
  readonly target: (connection: number) => Target
  /** Whether the lease still runs by the monotonic clock: asked after a produce was acknowledged, before its effect shows (R1). */
  readonly isLeased: () => boolean
  /** Receives what is addressed to this epoch, one batch after another; called in the log's order. */
  readonly onEnvelopes: (handler: (envelopes: readonly Envelope[]) => void) => void
  /** The lease was lost: sockets must close at once. A new lease is taken afterwards, with a new epoch. */
  readonly onFenced: (handler: () => void) => void
  /**
   * Presence had forgotten the lease, which was taken again with the same epoch before its end: what presence knew of this pod's
   * connections it has forgotten too, most likely (R11).
   */
  readonly onRestored: (handler: () => void) => void
  /** Asks storage a named query under a key. */
  readonly ask: (key: string, call: QueryCall, timeoutMs: number) => Promise<AskResult>
}

/**
 * The process's one HTTP server (`ports.http`): health and metrics are the runtime's, the rest is registered here before
 * the server listens, which the runtime does once every stage has started. The connection-manager registers its WebSocket
 * path here instead of listening itself.
 */
export interface HttpPort {
  /** Answers every path that begins with `prefix`. */
  readonly route: (prefix: string, handle: (request: IncomingMessage, response: ServerResponse) => void) => void
  /** Takes upgrade requests of one path. */
  readonly upgrade: (path: string, handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void) => void
}

/** What a stage with sockets is given beside. */
export interface PodIo extends Io {
  readonly http: HttpPort
  readonly inbox: PodInbox
  /** Missing where tracing is off. */
  readonly tracing?: Tracing | undefined
  /**
   * Publishes one envelope; resolves when the log holds it (R1). Order: of calls, per key.
   * Errors: rejects with LogError; nothing later of that connection may be published then (R1).
   */
  readonly publish: (to: InboxName, envelope: Envelope) => Promise<void>
  /** Units: bytes handed to publish that the log has not acknowledged. */
  readonly pendingBytes: () => number
  /** Whether log and presence can be reached; sockets stop being read when not (R8). */
  readonly isReady: () => boolean
}

/** Something with sockets, started. */
export interface PodService {
  /** Named ports it listens on, for cluster.json and the banner. */
  readonly ports: Readonly<Record<string, number>>
  readonly isReady: () => boolean
  /** Reads anew what may change while it runs: certificates. Errors: keeps what it has, and says so in the log. */
  readonly reload?: () => void
  /** Ends gracefully: no new connections, clients told, within `timeoutMs`. */
  readonly drain: (timeoutMs: number) => Promise<void>
}

/** A stage, as it is declared; the runtime runs it. */
export type Stage =
  | {
      readonly kind: 'keyed'
      readonly name: StageName
      /** Inboxes it reads, each as the group `starling.<name>`. */
      readonly consumes: readonly InboxName[]
      readonly create: (io: Io) => Worker
    }
  | {
      readonly kind: 'storage'
      readonly name: StageName
      readonly consumes: readonly InboxName[]
      readonly create: (io: StorageIo) => Worker
    }
  | { readonly kind: 'pod'; readonly name: StageName; readonly start: (io: PodIo) => Promise<PodService> }

/** Names of the stages. */
export type StageName = 'connection-manager' | 'session' | 'routing' | 'storage' | 'gateway'
