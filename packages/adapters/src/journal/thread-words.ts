/** How far a commit reaches: what it survives when `write` was answered. */
export type Durability = 'process' | 'power'

/** What the journal's thread is told when it starts. */
export interface ThreadData {
  readonly file: string
  readonly durability: Durability
  /** For tests: pages the file may have, as on a disk that is full. */
  readonly maxPages?: number
  /** Units: ms that another process is waited for that has the file. */
  readonly busyMs?: number
}

/** What the thread is told. Order: one request after the other, each answered. */
export type Request =
  /** Opens the file if need be, and reads rows above a number, a few at a time. */
  | { readonly do: 'read'; readonly after: number }
  /** Adds one row, then drops those below `dropBelow`; the buffer comes back with the answer. */
  | {
      readonly do: 'write'
      readonly seq: number
      readonly bytes: Uint8Array<ArrayBuffer>
      readonly dropBelow: number | undefined
    }
  | { readonly do: 'close' }

/** One row of the journal: the changes of one transaction. */
export interface JournalRow {
  readonly seq: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What the thread answers. */
export type Reply =
  | { readonly kind: 'rows'; readonly rows: readonly JournalRow[] }
  | { readonly kind: 'written'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'failed'; readonly message: string; readonly buffer: ArrayBuffer | undefined }
