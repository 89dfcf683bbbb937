import type { QueryName } from '@starling/core'
import type { Row, Scalar } from '../queries/scalar.ts'

/**
 * Rows on their way between the threads, in one buffer that changes hands: cloning them as they are costs twice as much, and cloning
 * a view clones the whole memory it looks into.
 * Shape: for each row u16 values, for each value a kind and: a number in 8 bytes, or u32 length and bytes; booleans are 0 and 1.
 */
export interface Frame {
  readonly rowCount: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

const kinds = { null: 0, number: 1, text: 2, bytes: 3 } as const

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
  for (const row of rows) {
    size += 2
    for (const value of row) size += mostBytes(value)
  }
  // A buffer of its own, for it changes hands
  const bytes = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const row of rows) {
    at = bytes.writeUInt16LE(row.length, at)
    for (const value of row) at = writeValue(bytes, at, value)
  }
  return { rowCount: rows.length, bytes: bytes.subarray(0, at) }
}

function mostBytes(value: Scalar): number {
  if (typeof value === 'string') return 5 + value.length * 3
  return value instanceof Uint8Array ? 5 + value.length : 9
}

function writeValue(out: Buffer, start: number, value: Scalar): number {
  const at = start + 1
  if (value === null) {
    out[start] = kinds.null
    return at
  }
  if (typeof value === 'string') {
    out[start] = kinds.text
    const length = out.write(value, at + 4)
    return out.writeUInt32LE(length, at) + length
  }
  if (value instanceof Uint8Array) {
    out[start] = kinds.bytes
    out.set(value, at + 4)
    return out.writeUInt32LE(value.length, at) + value.length
  }
  out[start] = kinds.number
  return out.writeDoubleLE(Number(value), at)
}

/** Reads the rows of a frame; their bytes are views of the frame's buffer. */
export function unpack({ rowCount, bytes }: Frame): Row[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const rows: Row[] = []
  let at = 0
  for (let row = 0; row < rowCount; row++) {
    const values: Scalar[] = []
    const count = buffer.readUInt16LE(at)
    at += 2
    for (let index = 0; index < count; index++) {
      const kind = buffer[at++]
      if (kind === kinds.null) values.push(null)
      else if (kind === kinds.number) {
        values.push(buffer.readDoubleLE(at))
        at += 8
      } else {
        const start = at + 4
        at = start + buffer.readUInt32LE(at)
        values.push(kind === kinds.text ? buffer.toString('utf8', start, at) : bytes.subarray(start, at))
      }
    }
    rows.push(values)
  }
  return rows
}
