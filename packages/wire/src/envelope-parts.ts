/** One connection of one pod's life (R7): the reader drops records of another epoch. */
export interface Target {
  readonly slot: number
  readonly epoch: number
  readonly connection: number
}

/** Why an envelope exists: the place of the record that caused it, and its number among what that record caused (R3). */
export interface Cause {
  /** Source of the cause: the inbox's number, or another where a second stage reads that inbox (`causeSource`). */
  readonly inbox: number
  readonly partition: number
  readonly offset: number
  /** Envelope in that record and emission of that envelope: `(envelope << 16) | emission`, as an unsigned number. */
  readonly index: number
}

/** One receiver of an output: a connection, and the `to` that the pod writes when the payload is shared. */
export interface Recipient {
  readonly connection: number
  readonly to: string
  /** Which stanza of the SM session this is, counted from 1 without a gap (R4); missing without stream management. */
  readonly ordinal?: number
}

/** JSON that may hold bytes. */
export type Json =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/** What every envelope has. */
export interface Base {
  /** Whose state it concerns; chooses the partition. Empty on pod inboxes. */
  readonly key: string
  readonly cause?: Cause
  /** Units: ms, when Starling accepted the stanza that began it all; a column, never an order (R9). */
  readonly atMs: number
  /**
   * The trace it belongs to, where that is sampled: who published it is the parent of what its readers note.
   * Shape: 16 bytes trace-id, 8 bytes parent-id. Source: W3C Trace Context §3.2.2.
   */
  readonly trace?: Uint8Array
}

/** What a session was told by its client, and pods remember for it (R11). */
export interface Remembered {
  /** Its available presence without `to`; missing while it is unavailable. */
  readonly presence?: Uint8Array
  /** Asked for the roster. */
  readonly isInterested: boolean
  readonly slices: { readonly [moduleId: string]: Json }
}
