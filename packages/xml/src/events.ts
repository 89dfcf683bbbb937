/** The stream errors the gate itself can find. Source: RFC 6120 §4.9.3. */
export type FaultCondition =
  | 'bad-format'
  | 'bad-namespace-prefix'
  | 'invalid-namespace'
  | 'not-well-formed'
  | 'policy-violation'
  | 'restricted-xml'
  | 'unsupported-encoding'

/** Why a stream ends: the condition to send and a sentence for its `<text/>`. */
export type GateFault = { readonly condition: FaultCondition; readonly text: string }

/** A direct child of a stanza: local name and namespace. */
export type Payload = { readonly name: string; readonly namespace: string }

/** Decoded attributes by qualified name (`to`, `xml:lang`), namespace declarations left out; no prototype. */
export type Attributes = Readonly<Record<string, string>>

/**
 * One checked first-level element.
 * Shape: `raw` is canonical, that is: it may be written as it is inside any stream whose default namespace is
 * jabber:client. It shares the memory of what was pushed, so neither is written to.
 */
export type ScannedElement = {
  /** Local name. */
  readonly name: string
  /** Namespace; a stanza of the stream's content namespace says jabber:client. */
  readonly namespace: string
  readonly attributes: Attributes
  /** Direct children in document order. */
  readonly payloads: readonly Payload[]
  readonly raw: Uint8Array
}

/** The stream header, or `<open/>`. Source: RFC 6120 §4.7; RFC 7395 §3.3.2. */
export type StreamOpen = {
  readonly kind: 'open'
  readonly to: string | undefined
  readonly from: string | undefined
  readonly version: string | undefined
  readonly lang: string | undefined
  readonly id: string | undefined
  /** Namespace of the header element itself. */
  readonly namespace: string
  /** Default namespace that the header declares for the stanzas; '' if none. */
  readonly defaultNamespace: string
  /** Prefixes that the header declares. */
  readonly prefixes: Readonly<Record<string, string>>
  readonly attributes: Attributes
}

/** What the gate reports, in the order of the bytes. Order: nothing follows a fault. */
export type GateEvent =
  | StreamOpen
  | { readonly kind: 'element'; readonly element: ScannedElement }
  | { readonly kind: 'close' }
  | ({ readonly kind: 'fault' } & GateFault)
