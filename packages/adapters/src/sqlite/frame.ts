import type { QueryName } from '@starling/core'
import type { Row, Scalar } from '../queries/scalar.ts'

/**
 * Rows on their way between the threads: bytes lie end to end in one buffer that changes hands without a copy, where cloning
 * a view would clone the whole memory it looks into.
 * Shape: in `values` a Uint8Array is replaced by `{ length }`, booleans by 0 and 1.
 */
export interface Frame {
  readonly rows: readonly (readonly Packed[])[]
  readonly bytes: Uint8Array<ArrayBuffer>
}

type Packed = string | number | null | { readonly length: number }

/** One portion for the worker. */
export interface Call {
  readonly query: QueryName
  readonly variant: number
  readonly args: Frame
}

/** What the worker is told. */
export type Request =
  | { readonly do: 'migrate' }
  /** All calls share one transaction. */
  | { readonly do: 'run'; readonly calls: readonly Call[] }
  | { readonly do: 'close' }

/** One call's end: its rows, and how many of them belong to each argument in turn. */
export type Answer =
  | { readonly ok: true; readonly counts: readonly number[]; readonly rows: Frame }
  | { readonly ok: false; readonly isDown: boolean; readonly message: string }

/** What the worker answers, one a request. */
export interface Reply {
  readonly answers: readonly Answer[]
}

/** Packs rows into a frame. */
export function pack(rows: readonly Row[]): Frame {
  let size = 0
  for (const row of rows) for (const value of row) if (value instanceof Uint8Array) size += value.byteLength
  const bytes = new Uint8Array(size)
  let offset = 0
  const packed = rows.map((row) =>
    row.map((value): Packed => {
      if (typeof value === 'boolean') return value ? 1 : 0
      if (!(value instanceof Uint8Array)) return value
      bytes.set(value, offset)
      offset += value.byteLength
      return { length: value.byteLength }
    }),
  )
  return { rows: packed, bytes }
}

/** Reads the rows of a frame; their bytes are views of the frame's buffer. */
export function unpack(frame: Frame): Row[] {
  let offset = 0
  return frame.rows.map((row) =>
    row.map((value): Scalar => {
      if (typeof value !== 'object' || value === null) return value
      const view = frame.bytes.subarray(offset, offset + value.length)
      offset += value.length
      return view
    }),
  )
}
