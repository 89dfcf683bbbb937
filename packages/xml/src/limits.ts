/**
 * What one stream may make the gate hold and do; past each, the stream ends with policy-violation.
 * Units: bytes, or a count, as the names say. Each is exact: the limit passes, one more does not.
 */
export type GateLimits = {
  /** Bytes of one first-level element, or of a stream header, from its `<` to its `>`. */
  readonly maxStanzaBytes: number
  /** Open elements at once, the stanza's own counted, the stream's not. */
  readonly maxDepth: number
  /** Attributes of one element, namespace declarations included. */
  readonly maxAttributes: number
  /** Elements inside one stanza, at every depth, the stanza's own not counted. */
  readonly maxChildren: number
  /** Direct children of one stanza. */
  readonly maxPayloads: number
  /** Namespace declarations in one stanza, or in a stream header. */
  readonly maxNamespaceDeclarations: number
  /** Bytes held unread while the gate steps (see Gate.setStepping). */
  readonly maxPendingBytes: number
}

/** Limits before authentication: enough for SASL, no more. */
export const unauthenticatedLimits: GateLimits = {
  maxStanzaBytes: 10_240,
  maxDepth: 16,
  maxAttributes: 32,
  maxChildren: 64,
  maxPayloads: 32,
  maxNamespaceDeclarations: 32,
  maxPendingBytes: 131_072,
}

/** Limits after authentication. */
export const authenticatedLimits: GateLimits = {
  maxStanzaBytes: 262_144,
  maxDepth: 64,
  maxAttributes: 64,
  maxChildren: 4_096,
  maxPayloads: 255,
  maxNamespaceDeclarations: 512,
  maxPendingBytes: 1_048_576,
}
