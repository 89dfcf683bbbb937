import type { StreamIqHandler } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import type { SaslChallenge, SaslLookUp, SaslStep, SaslTokenLookUp, StoredCredentials } from '@starling/sasl'
import type { Stanza, StreamError } from '@starling/stanza'
import type { EnableHead, SignalHead } from '@starling/wire'
import type { Element, ScannedElement, StreamOpen } from '@starling/xml'
import type { HeldTokens, TokenRefusal, UsedToken } from './fast.ts'
import type { Sasl2Request } from './sasl2-request.ts'
import type { IssuedToken } from './sasl2-text.ts'
import type { InlineContext } from './stream-inline.ts'

/** How bytes reach us: `tcp` may become secure by STARTTLS, `tls` is direct TLS (XEP-0368). */
export type Transport = 'tcp' | 'tls' | 'websocket' | 'bosh'

/**
 * Whether every element is a document of its own, with `<open/>` and `<close/>` for the header, and TLS is left to what stands before
 * us: RFC 7395, and BOSH, whose link turns `<body/>` into it.
 */
export function isFramed(transport: Transport): boolean {
  return transport === 'websocket' || transport === 'bosh'
}

/** An account that proved itself, or is about to, on this stream. */
export interface SignedIn {
  readonly account: BareJid
  /** Taken while the client was provably there (R5). */
  readonly generation: number
}

/** Where a stream stands. Source: RFC 6120 §4–§7. */
export type StreamPhase =
  /** A stream header is awaited. */
  | { readonly kind: 'unopened'; readonly signedIn?: SignedIn }
  /** Features were sent; STARTTLS, SASL or a stream IQ may follow. */
  | { readonly kind: 'unauthenticated' }
  /** `<proceed/>` was sent; the handshake runs. */
  | { readonly kind: 'securing' }
  /** SASL waits for credentials, or for tokens. With `sasl2` here and below the exchange is of SASL2 (XEP-0388). */
  | {
      readonly kind: 'lookingUp'
      readonly step: SaslLookUp | SaslTokenLookUp
      readonly mechanism: string
      readonly sasl2?: Sasl2Request | undefined
    }
  /** SASL computes. */
  | {
      readonly kind: 'computing'
      readonly signedIn: SignedIn
      readonly mechanism: string
      readonly sasl2?: Sasl2Request | undefined
    }
  /** SASL waits for the client's response; nobody is named before the first one. */
  | {
      readonly kind: 'challenged'
      readonly step: SaslChallenge
      readonly signedIn: SignedIn | undefined
      readonly mechanism: string
      readonly sasl2?: Sasl2Request | undefined
    }
  /** The client proved itself; its tokens are counted, renewed or forgotten before it is told. Source: XEP-0484 §3. */
  | {
      readonly kind: 'settling'
      /** Absent after a token: then the generation comes with the answer (R5). */
      readonly signedIn?: SignedIn | undefined
      readonly mechanism: string
      readonly sasl2: Sasl2Request
      readonly data: Uint8Array | undefined
    }
  /** A failure is held back for a moment, so that guessing is slow. */
  | { readonly kind: 'delaying' }
  /** A stream IQ waits for storage. */
  | { readonly kind: 'asking' }
  /** Signed in, features sent, no resource yet. */
  | { readonly kind: 'authenticated'; readonly signedIn: SignedIn }
  /** The session stage was asked for a resource. */
  | { readonly kind: 'binding'; readonly signedIn: SignedIn; readonly inline?: InlineContext }
  /** The session stage was asked for a former session. Source: XEP-0198 §5. */
  | { readonly kind: 'resuming'; readonly signedIn: SignedIn; readonly inline?: InlineContext }
  | {
      readonly kind: 'bound'
      readonly account: BareJid
      readonly jid: FullJid
      /** A request that the pod answers itself is under way: nothing is read until its answer is there. */
      readonly isAsking?: boolean
      /** Stream management: asked for, then on; absent before. Source: XEP-0198 §3. */
      readonly sm?: 'asked' | 'on'
    }
  | { readonly kind: 'ended' }

/** State of one stream; plain data. */
export interface StreamState {
  readonly phase: StreamPhase
  readonly isSecure: boolean
  /** Our header of the current stream was sent. */
  readonly isOpened: boolean
  /** Failed SASL attempts on this connection. */
  readonly failures: number
  /** Language of the client's header, '' if none. */
  readonly lang: string
  /** The served domain that the client's header names; missing before. */
  readonly domain?: BareJid
  /** Whom the client's header says it is from, bare; '' if nobody. Source: RFC 6120 §4.7.1. */
  readonly from: BareJid | ''
}

/** What can happen to a stream. */
export type StreamEvent =
  | StreamOpen
  | { readonly kind: 'element'; readonly element: ScannedElement }
  | { readonly kind: 'close' }
  | ({ readonly kind: 'fault' } & StreamError)
  /** The TLS handshake of STARTTLS is done. */
  | { readonly kind: 'secured' }
  /** Answer to `lookUp`; no credentials for an unknown account. */
  | {
      readonly kind: 'lookedUp'
      readonly credentials: StoredCredentials | undefined
      readonly signedIn: SignedIn
    }
  /** Answer to `lookUpTokens`. */
  | { readonly kind: 'tokensFound'; readonly held: HeldTokens }
  /** Answer to `settleTokens`: a generation where a token signed in, a new token where one was made. */
  | {
      readonly kind: 'tokensSettled'
      readonly ok: true
      readonly signedIn?: SignedIn | undefined
      readonly issued?: IssuedToken | undefined
    }
  | { readonly kind: 'tokensSettled'; readonly ok: false; readonly condition: TokenRefusal }
  /** A look-up, `compute` or `settleTokens` could not be done, or must not. */
  | { readonly kind: 'signInRefused'; readonly condition: 'temporary-auth-failure' }
  | { readonly kind: 'computed'; readonly step: SaslStep }
  /** A held back failure was sent. */
  | { readonly kind: 'delayed' }
  /** Answer of a stream IQ, before sign-in or on a bound stream. `isLast`: the account is gone with it. */
  | { readonly kind: 'answered'; readonly reply: Stanza; readonly isLast?: boolean }
  /** The session stage gave the connection its resource. */
  | { readonly kind: 'bound'; readonly jid: FullJid; readonly raw: Uint8Array }
  /** News of stream management. */
  | { readonly kind: 'signal'; readonly head: SignalHead }
  /** The session stage answered otherwise: the resource was refused. */
  | { readonly kind: 'output'; readonly raw: Uint8Array }
  /** The stream must end: a limit, a timeout, an order of a stage. */
  | { readonly kind: 'end'; readonly error: StreamError; readonly reason: EndReason }

/**
 * Why a connection ended; a metric's label, and the reason in its `drop` record.
 * Shape: `closed` by the client, `lost` without a word, `stream-error` after a broken rule, `ordered` by another stage,
 * `log` after a produce that failed (R1), `presence` after a session that could not be written into the roll, `gap` when a
 * delivery was missing (R4), `renumbered` when another came under a number that was used (R11), `unacked` when the client
 * acknowledged too little for too long. A session with stream management outlives all of them but `closed` and `renumbered`.
 */
export type EndReason =
  | 'closed'
  | 'lost'
  | 'stream-error'
  | 'timeout'
  | 'output-limit'
  | 'ordered'
  | 'shutdown'
  | 'fenced'
  | 'log'
  | 'presence'
  | 'gap'
  | 'renumbered'
  | 'unacked'
  | 'bug'

/** What the connection must do; the shell alone does it, in this order. */
export type StreamEffect =
  /** Text that stands alone in either framing. */
  | { readonly do: 'write'; readonly text: string }
  /** A canonical stanza. */
  | { readonly do: 'send'; readonly raw: Uint8Array }
  /** A new stream follows: the gate forgets the old one. */
  | { readonly do: 'restart' }
  | { readonly do: 'startTls' }
  | { readonly do: 'lookUp'; readonly account: BareJid }
  | {
      readonly do: 'lookUpTokens'
      readonly account: BareJid
      readonly client: string
      readonly mechanism: string
    }
  /** Counts the use of a token, makes one, forgets some; all of it durable before its answer. Source: XEP-0484 §3. */
  | {
      readonly do: 'settleTokens'
      readonly account: BareJid
      readonly request: Sasl2Request
      readonly used?: UsedToken | undefined
    }
  | { readonly do: 'compute'; readonly step: Promise<SaslStep> }
  | { readonly do: 'countFailure'; readonly condition: string }
  /** Sends the answer to a failed sign-in after a while. */
  | { readonly do: 'delay'; readonly text: string }
  | {
      readonly do: 'askStream'
      readonly handler: StreamIqHandler
      readonly payload: Element
      readonly request: Stanza
      /** Who signed in; absent before. */
      readonly account?: BareJid
    }
  | { readonly do: 'signedIn'; readonly mechanism: string }
  | {
      readonly do: 'bind'
      readonly signedIn: SignedIn
      readonly resource: string
      readonly iqId: string
      /** Bind 2 alone. Source: XEP-0386 §3, §4. */
      readonly tag?: string
      readonly sm?: EnableHead
      readonly features?: readonly string[]
    }
  /** From now on stanzas may come. */
  | { readonly do: 'bound' }
  /** To the session stage, counted. */
  | { readonly do: 'forward'; readonly stanza: Stanza }
  /** To the session stage, counted: the pod dealt with it, and this is its answer, if it has one. */
  | { readonly do: 'answer'; readonly reply?: Stanza }
  /** Asks for stream management; stanzas from here on count. Source: XEP-0198 §3. */
  | { readonly do: 'enable'; readonly head: EnableHead }
  /** Stream management is on: what is written from here on is numbered from 1. */
  | { readonly do: 'enabled'; readonly smId: string; readonly maxSeconds: number }
  /** Presence had forgotten the session: everything it needs to know of it is told now (R11). */
  | { readonly do: 'reassert' }
  /** Asks for a former session. Source: XEP-0198 §5. */
  | { readonly do: 'resume'; readonly signedIn: SignedIn; readonly smId: string; readonly h: number }
  /** The former session is this connection's: counts go on where it left them. */
  | { readonly do: 'resumed'; readonly head: Extract<SignalHead, { readonly signal: 'resumed' }> }
  /** The client asks for an acknowledgement: given once all it sent is durable (R1). Source: XEP-0198 §4. */
  | { readonly do: 'acknowledge' }
  /** The client acknowledged. Source: XEP-0198 §4. */
  | { readonly do: 'acked'; readonly h: number }
  | { readonly do: 'end'; readonly reason: EndReason; readonly condition?: string }

/** A step of the machine. */
export interface Transition {
  readonly state: StreamState
  readonly effects: readonly StreamEffect[]
}

/** State of a connection that was just accepted. */
export function initialStreamState(isSecure: boolean): StreamState {
  return { phase: { kind: 'unopened' }, isSecure, isOpened: false, failures: 0, lang: '', from: '' }
}
