import type { Presence, StateSave } from '@starling/core'
import { type BareJid, bareJid } from '@starling/jid'

/** One kind of presence under test. */
export interface PresenceHarness {
  /**
   * Opens a client of an empty presence; all clients with the same `space` see the same.
   * Shape: what is left empty there is forgotten `emptyStateTtlMs` later.
   */
  readonly open: (space: string) => Promise<Presence>
  readonly emptyStateTtlMs: number
  /** A roll is forgotten so long after it was last written. Units: ms. */
  readonly rollTtlMs: number
  /** A lease or window long enough to outlive a few calls. Units: ms. */
  readonly leaseMs: number
  /** Lets at least so much time pass for the presence. */
  readonly pass: (ms: number) => Promise<void>
  /** Runs of each property. */
  readonly runs: number
  readonly close: () => Promise<void>
}

/** Bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Names that try to be another key, another hash tag, another command. */
export const hostileLocalparts: readonly string[] = [
  '{',
  '}',
  '{}',
  '}{',
  '{juliet',
  'juliet}',
  '}juliet{',
  '{juliet}',
  '%7b',
  '%7bjuliet%7d',
  '%',
  'juliet}:x{',
  '*',
  '[a-z]',
  '?',
  '\\',
  'session:',
  'm',
  '=',
  '__proto__',
  'constructor',
  'ß',
  '日本',
]

/** An account of the contract. */
export function account(localpart: string): BareJid {
  return bareJid(localpart, 'capulet.example')
}

/** A save of some fields and nothing removed. */
export function save(
  of: BareJid,
  mark: number,
  set: Readonly<Record<string, string>>,
  remove: readonly string[] = [],
): StateSave {
  return { account: of, mark, set: new Map(Object.entries(set).map(([field, text]) => [field, bytes(text)])), remove }
}

/** Fields as texts, to compare. */
export function texts(fields: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  return Object.fromEntries([...fields].map(([field, value]) => [field, Buffer.from(value).toString()]).sort())
}
