import type { PodLife, StateKind } from '@starling/core'

/** The names under which presence is kept. */
export interface PresenceKeys {
  readonly state: (kind: StateKind, account: string) => string
  readonly slot: (slot: number) => string
  /** What a client has not acknowledged yet. */
  readonly queue: (account: string, queue: string) => string
  readonly generation: (account: string) => string
  readonly counter: (name: string) => string
  /** Each roll has a tag of its own: they are large, and spread over a cluster. */
  readonly roll: (life: PodLife) => string
  /** How far a stage's states reach. */
  readonly progress: (kind: StateKind, partition: number) => string
  /** The index of the rolls. */
  readonly rolls: string
  /** Who hibernates: several keys, each with a tag of its own, so that no node of a cluster holds them all. */
  readonly hibernations: readonly string[]
}

/** Keys of the hibernations. What is noted under another number of them is not found: it may not change in place (R9). */
const hibernationKeys = 8

/**
 * Keys of one account share the hash tag `{account}`, so that Redis Cluster keeps them together.
 * A localpart may hold braces (RFC 7622 §3.3.1 excludes others): they are escaped, so that no account can choose another's tag
 * or key.
 * Errors: throws when the prefix holds a brace.
 */
export function presenceKeys(prefix: string): PresenceKeys {
  if (/[{}]/.test(prefix)) throw new TypeError(`a key prefix may not hold braces: ${prefix}`)
  const tag = (name: string): string => `{${name.replace(/[%{}]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}}`
  return {
    state: (kind, account) => `${prefix}${kind}:${tag(account)}`,
    slot: (slot) => `${prefix}slot:{slots}${slot}`,
    queue: (account, queue) => `${prefix}queue:${tag(account)}${queue}`,
    generation: (account) => `${prefix}generation:${tag(account)}`,
    counter: (name) => `${prefix}counter:${tag(name)}`,
    roll: ({ slot, epoch }) => `${prefix}roll:{${slot}.${epoch}}`,
    progress: (kind, partition) => `${prefix}progress:{${kind}.${partition}}`,
    rolls: `${prefix}rolls`,
    hibernations: Array.from({ length: hibernationKeys }, (_, at) => `${prefix}hibernations:{hibernations${at}}`),
  }
}
