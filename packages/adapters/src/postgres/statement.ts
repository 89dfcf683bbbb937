import type { QueryName } from '@starling/core'
import type { Portion } from '../queries/named-queries.ts'
import { namedQueries } from '../queries/named-queries.ts'
import { batchRelation, type Columns, type NamedQuery } from '../queries/named-query.ts'
import type { ColumnType, Scalar } from '../queries/scalar.ts'

/** A statement as the driver takes it: prepared once a connection under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
  readonly values: Parameter[]
}

type Parameter = readonly (string | number | boolean | null)[] | Buffer

/** The statement of a portion. */
export function statement(name: QueryName, portion: Portion): Statement {
  // The union of all queries' types is too narrow to read columns and SQL from
  const query = namedQueries[name] as unknown as NamedQuery<'account.get'>
  return {
    name: `${name}/${portion.variant}`,
    text: `WITH ${batchRelation(query.columns)} ${query.variants[portion.variant]?.postgres ?? ''}`,
    values: parameters(query.columns, portion.values),
  }
}

/** Turns rows of values into the parameters of `batchRelation`: arrays, one a column. */
export function parameters(columns: Columns, rows: readonly (readonly Scalar[])[]): Parameter[] {
  return Object.values(columns).flatMap((type: ColumnType, column): readonly Parameter[] =>
    type === 'bytes' ? bytesOf(rows, column) : [rows.map((row) => scalarOf(row[column]))],
  )
}

function scalarOf(value: Scalar | undefined): string | number | boolean | null {
  if (value === undefined || value instanceof Uint8Array) throw new TypeError('a value does not fit its column')
  return value
}

function bytesOf(rows: readonly (readonly Scalar[])[], column: number): readonly Parameter[] {
  const starts: (number | null)[] = []
  const lengths: (number | null)[] = []
  const pieces: Uint8Array[] = []
  // substring() counts from 1
  let start = 1
  for (const row of rows) {
    const value = row[column]
    if (value instanceof Uint8Array) {
      starts.push(start)
      lengths.push(value.byteLength)
      pieces.push(value)
      start += value.byteLength
    } else {
      starts.push(null)
      lengths.push(null)
    }
  }
  return [starts, lengths, Buffer.concat(pieces)]
}
