import type { Encode } from '../journal/byte-writer.ts'

/** What a presence needs to outlive its process: keys and their newest values, on a disk. */
export interface PresenceJournal {
  /** What it held at the start under keys that begin so. */
  readonly loaded: (prefix: string) => Iterable<readonly [string, Uint8Array]>
  /** Says that a loaded value still holds; what nobody adopts is dropped. */
  readonly adopt: (key: string, encode: Encode) => void
  readonly put: (key: string, encode: Encode) => void
  readonly drop: (key: string) => void
  /** Drops a key whose value another key says to be over. */
  readonly forget: (key: string) => void
  /** Resolves when all of it until now is durable. */
  readonly commit: () => Promise<void>
  /** Whether the last write went well. */
  readonly isUp: () => boolean
  /** A number that grows with every commit, over restarts too. */
  readonly position: () => number
}

/** The journal of a presence that ends with its process. */
export const noJournal: PresenceJournal = {
  loaded: () => [],
  adopt: () => {},
  put: () => {},
  drop: () => {},
  forget: () => {},
  commit: () => Promise.resolve(),
  isUp: () => true,
  position: () => 0,
}
