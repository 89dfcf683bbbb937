import { StorageError } from '@starling/core'

/** One value on its way to or from a database. */
export type Scalar = string | number | boolean | Uint8Array | null

/** One row as both drivers give it: values in the order of the select list. */
export type Row = readonly Scalar[]

/** What a column of a batch holds; `json` is a JSON text. */
export type ColumnType = 'text' | 'bigint' | 'boolean' | 'bytes' | 'json'

/**
 * Reads a text that is never null.
 * Errors: throws on anything else, which is a bug in a query.
 */
export function text(value: Scalar | undefined): string {
  if (typeof value === 'string') return value
  throw new StorageError('STORAGE_FAILED', `expected a text in a row, found ${describe(value)}`)
}

/** Reads a whole number that is never null. Errors: throws on anything else. */
export function number(value: Scalar | undefined): number {
  if (typeof value === 'number') return value
  throw new StorageError('STORAGE_FAILED', `expected a number in a row, found ${describe(value)}`)
}

/** Reads a truth value: SQLite has 0 and 1 for it. */
export function boolean(value: Scalar | undefined): boolean {
  return value === true || value === 1
}

/** Reads bytes that are never null, as a plain Uint8Array. Errors: throws on anything else. */
export function bytes(value: Scalar | undefined): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  throw new StorageError('STORAGE_FAILED', `expected bytes in a row, found ${describe(value)}`)
}

/** A limit as SQL takes it: a whole number, not negative. Units: rows. */
export function rowLimit(limit: number): number {
  return Number.isFinite(limit) ? Math.max(0, Math.trunc(limit)) : 0
}

/** A JSON array of texts that both databases can read: a lone surrogate, which no UTF-8 holds, is replaced. */
export function jsonTexts(texts: readonly string[]): string {
  return JSON.stringify(texts.map((item) => item.toWellFormed()))
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value
}
