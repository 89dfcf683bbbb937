import { type QueryArgs, type QueryName, StorageError } from '@starling/core'
import { accountLoadQueries } from './account-load.ts'
import { accountQueries } from './account-queries.ts'
import { archivePageQueries } from './archive-page.ts'
import { archiveQueries } from './archive-queries.ts'
import { documentQueries } from './document-queries.ts'
import type { NamedQueries, NamedQuery } from './named-query.ts'
import { offlineQueries } from './offline-queries.ts'
import { rosterQueries } from './roster-queries.ts'
import type { Scalar } from './scalar.ts'

/** The named queries of the storage port, by name. */
export const namedQueries: NamedQueries = {
  ...accountQueries,
  ...accountLoadQueries,
  ...rosterQueries,
  ...documentQueries,
  ...offlineQueries,
  ...archiveQueries,
  ...archivePageQueries,
}

/** A part of a batch that goes to the database as one: same query, same variant, within the limits of one statement. */
export interface Portion {
  readonly variant: number
  /** Places of its arguments in the batch. */
  readonly places: readonly number[]
  /** Encoded arguments, as `places`. */
  readonly values: readonly (readonly Scalar[])[]
}

/** Units: bytes of values in one statement, at most (a single larger argument excepted). */
export const MAX_PORTION_BYTES = 1024 * 1024

/**
 * Cuts a batch into portions, in order within each variant.
 * Errors: throws STORAGE_FAILED if a text holds U+0000, which XML cannot and PostgreSQL does not.
 */
export function portions<N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]): readonly Portion[] {
  const query: NamedQuery<N> = namedQueries[name]
  const done: Portion[] = []
  const open = new Map<number, { places: number[]; values: (readonly Scalar[])[]; bytes: number }>()
  batch.forEach((args, place) => {
    const variant = query.variantOf(args)
    const values = query.encode(args)
    const bytes = sizeOf(name, values)
    let portion = open.get(variant)
    if (
      portion !== undefined &&
      (portion.places.length >= query.maxArgs || portion.bytes + bytes > MAX_PORTION_BYTES)
    ) {
      done.push({ variant, places: portion.places, values: portion.values })
      portion = undefined
    }
    if (portion === undefined) {
      portion = { places: [], values: [], bytes: 0 }
      open.set(variant, portion)
    }
    portion.places.push(place)
    portion.values.push(values)
    portion.bytes += bytes
  })
  for (const [variant, { places, values }] of open) done.push({ variant, places, values })
  return done
}

// Units: bytes, roughly: a character of text counts as one.
function sizeOf(name: QueryName, values: readonly Scalar[]): number {
  let size = 0
  for (const value of values) {
    if (typeof value === 'string') {
      if (value.includes('\u0000')) throw new StorageError('STORAGE_FAILED', `${name}: a text holds U+0000`)
      size += value.length
    } else size += value instanceof Uint8Array ? value.byteLength : 8
  }
  return size
}
