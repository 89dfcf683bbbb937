import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { migrations } from './migrations.ts'
import { namedQueries } from './named-queries.ts'
import { type NamedQuery, numbered } from './named-query.ts'

describe('the plans of SQLite', () => {
  const database = new DatabaseSync(':memory:')
  for (const sql of migrations.flatMap((migration) => migration.sqlite)) database.exec(sql)
  const queries = Object.entries(namedQueries) as unknown as [string, NamedQuery<'account.get'>][]
  const plans = queries.flatMap(([name, { columns, variants }]) =>
    variants.map((variant, place) => ({
      name: `${name} ${place}`,
      steps: variant.sqlite.flatMap((sql) =>
        database
          .prepare(`EXPLAIN QUERY PLAN ${numbered(columns, sql)}`)
          .all()
          .map((row) => String(row['detail'])),
      ),
    })),
  )
  const tables = /^SCAN (?!CONSTANT ROW|json_each|\(subquery)/

  it('read no table from end to end', () => {
    assert.deepEqual(
      plans.filter(({ steps }) => steps.some((step) => tables.test(step))),
      [],
    )
    assert.ok(plans.length > 20)
  })

  it('enter the archive at the page, by the index of its filter', () => {
    const expected = ['id', 'id', 'peer', 'peer', 'id', 'id', 'peer', 'peer', 'id']
    expected.forEach((index, variant) => {
      const bounds =
        variant === 8 ? 'account=? AND id=?' : `account=?${index === 'peer' ? ' AND peer=?' : ''} AND id>? AND id<?`
      const steps = plans.find(({ name }) => name === `archive.page ${variant}`)?.steps ?? []
      assert.ok(
        steps.includes(`SEARCH r USING INDEX archive_by_${index} (${bounds})`),
        `${variant}: ${steps.join('; ')}`,
      )
    })
  })
})
