import type { Stanza, StanzaError } from '@starling/stanza'
import type { Json } from '@starling/wire'
import type { Element } from '@starling/xml'
import type { ArchiveContext, RoutingContext, SessionContext, StorageContext, StreamContext } from './context.ts'
import type { Effect, Outcome } from './effect.ts'
import type { Step } from './step.ts'
import type { Identity } from './support.ts'

/** Phases of a point, in their order: `guard` may stop, `stamp` may change, `copy` and `keep` add, `trim` may change. */
export const phases = ['guard', 'stamp', 'copy', 'keep', 'trim'] as const

/** Name of a phase. */
export type Phase = (typeof phases)[number]

/**
 * The points, in the order a stanza meets them, and the context each is given.
 * - `session.sent`: a bound client sent it; before it is routed.
 * - `account.received`: addressed to the account itself, in its session stage.
 * - `session.ended`: an available session became unavailable, for whatever reason; the stanza is its unavailable presence.
 * - `routing.deliver`: for the account or a resource of it; `copy` sees the chosen resources.
 * - `routing.sentCopy`: the sender's own copy of a message.
 * - `routing.offline`: nobody was there; `guard` may refuse to keep it.
 * - `archive.store`: about to be archived for the account; `guard` may refuse.
 */
export interface Points {
  'session.sent': SessionContext
  'account.received': SessionContext
  'session.ended': SessionContext
  'routing.deliver': RoutingContext
  'routing.sentCopy': RoutingContext
  'routing.offline': RoutingContext
  'archive.store': ArchiveContext
}

/** Name of a point. */
export type Point = keyof Points

/** A handler at a point: pure, and quick. */
export type Handler<P extends Point> = (stanza: Stanza, context: Points[P]) => Outcome

/** Whose request: the session's own account, any account of ours, or the domain itself. */
export type IqScope = 'self' | 'account' | 'domain'

/** What an IQ handler is filed under, for example `get domain {urn:xmpp:ping}ping`. */
export type IqKey = `${'get' | 'set'} ${IqScope} {${string}}${string}`

/** Answer of an IQ handler: a result (with or without payload) or an error, and effects that go before it. */
export type IqAnswer =
  | { readonly ok: true; readonly payload?: Element; readonly effects?: readonly Effect[] }
  | { readonly ok: false; readonly error: StanzaError }

/** An IQ handler of the session stage; `payload` is the request's child. */
export type IqHandler = (payload: Element, context: SessionContext, request: Stanza) => IqAnswer

/** An IQ handler that storage runs. */
export type StoredIqHandler = (payload: Element, context: StorageContext, request: Stanza) => Step | Promise<Step>

/** An IQ handler of a stream that has not authenticated; its questions go to storage under the given key. */
export type StreamIqHandler = (payload: Element, context: StreamContext) => Step | Promise<Step>

/** One option of a module. The environment name derives from module and option. */
export type Option =
  | {
      readonly type: 'int'
      readonly default: number
      readonly min: number
      readonly max?: number
      readonly unit: string
      readonly doc: string
    }
  | { readonly type: 'bool'; readonly default: boolean; readonly doc: string }
  | { readonly type: 'text'; readonly default: string; readonly doc: string }

/** The specification a module implements. */
export interface Spec {
  readonly id: `XEP-${string}` | `RFC ${string}`
  readonly name: string
  readonly version: string
  readonly status: 'complete' | 'partial'
  /** What is missing, or which part is meant. */
  readonly note?: string
}

/** One protocol feature: a declaration. */
export interface Module {
  readonly spec: Spec
  /** Name in the configuration, for example `carbons`. */
  readonly name: string
  /** Features of the domain in discovery. */
  readonly features?: readonly string[]
  /** Features of every account in discovery. */
  readonly accountFeatures?: readonly string[]
  readonly identities?: readonly Identity[]
  readonly options?: Readonly<Record<string, Option>>
  /** Whether it does anything at all under these options (off-by-default modules). */
  readonly isOn?: (option: (name: string) => number | boolean | string) => boolean
  /** Initial slice of a session. */
  readonly slice?: Json
  /** Initial slice of an account. */
  readonly accountSlice?: Json
  /** What Bind 2 may switch on with the session: `{namespace}name` of the element, and the session's slice then. Source: XEP-0386 §4. */
  readonly bind2?: { readonly [feature: `{${string}}${string}`]: Json }
  /**
   * Requests of a client that set the session's slice, and to what: pods remember it, should presence forget the session (R11). The
   * handler of the same key does it.
   */
  readonly switches?: { readonly [key: IqKey]: Json }
  readonly iq?: { readonly [key: IqKey]: IqHandler }
  readonly storedIq?: { readonly [key: IqKey]: StoredIqHandler }
  /** Keys of `storedIq` that must see every message routed before them: they travel in routing's inbox. */
  readonly readsArchive?: readonly IqKey[]
  readonly streamIq?: { readonly [key: `${'get' | 'set'} {${string}}${string}`]: StreamIqHandler }
  /** Children of `<stream:features/>`. */
  readonly streamFeatures?: (stream: {
    readonly isSecure: boolean
    readonly isAuthenticated: boolean
    /** The module's own options. */
    readonly option: (name: string) => number | boolean | string
  }) => readonly Element[]
  readonly on?: { readonly [P in Point]?: { readonly [F in Phase]?: Handler<P> } }
}

/** Declares a module; checks nothing at run time, the types do. */
export function defineModule(module: Module): Module {
  return module
}
