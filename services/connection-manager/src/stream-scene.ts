import type { Registry } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { ChannelBindingType } from '@starling/sasl'
import type { Transport } from './stream-state.ts'

/** What the stream machine is told of its surroundings; one a connection. */
export interface StreamScene {
  /** The first domain, for streams that name none. */
  readonly domain: BareJid
  readonly isServed: (domain: string) => boolean
  readonly transport: Transport
  /** No SASL before STARTTLS. Source: RFC 6120 §5.3.1; RFC 7590 §3.4. */
  readonly isTlsRequired: boolean
  readonly registry: Registry
  /** A fresh unguessable stream id. Source: RFC 6120 §4.7.3. */
  readonly streamId: () => string
  /** A fresh nonce of a SASL exchange. */
  readonly nonce: () => string
  /** Channel bindings this connection can serve now. Source: RFC 5929, RFC 9266. */
  readonly channelBindings: () => readonly ChannelBindingType[]
  readonly channelBinding: (type: ChannelBindingType) => Uint8Array | undefined
  /** Salt and iterations for a name that does not exist. */
  readonly pretendSalt: (username: string) => { readonly salt: Uint8Array; readonly iterations: number }
  /** Units: s that a session is kept for its client; 0: none is. Source: XEP-0198 §5. */
  readonly resumeSeconds: number
  /** Whether SASL2 is spoken at all. Source: XEP-0388. */
  readonly isSasl2On: boolean
  /** Whether tokens are given out and taken. Source: XEP-0484. */
  readonly areTokensOn: boolean
  /** A short name of a client's installation, equal at all times, that does not show its id. Source: XEP-0386 §3.2.1. */
  readonly clientName: (account: BareJid, client: string) => string
  /** Why no new stream is taken now; undefined when one is. */
  readonly refusal: () => 'resource-constraint' | 'system-shutdown' | undefined
}
