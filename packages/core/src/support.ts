/** An identity in discovery. Source: XEP-0030 §3.1. */
export interface Identity {
  readonly category: string
  readonly type: string
  readonly name?: string
}

/** What modules together declare; discovery, docs and doap.xml derive from it. */
export interface Support {
  readonly serverFeatures: readonly string[]
  readonly accountFeatures: readonly string[]
  readonly identities: readonly Identity[]
  /** Software name and version, for XEP-0092. */
  readonly software: { readonly name: string; readonly version: string }
}
