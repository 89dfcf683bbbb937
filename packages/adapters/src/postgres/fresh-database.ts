import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A database of its own, for one test file. */
export interface FreshDatabase {
  readonly url: string
  /** Runs SQL in it, beside the storage under test; gives the rows. */
  readonly sql: (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>
  readonly drop: () => Promise<void>
}

/**
 * Makes an empty database on the test server.
 * Errors: throws when STARLING_TEST_POSTGRES does not name a server: such a test must not pass unseen.
 */
export async function freshDatabase(serverUrl: string | undefined): Promise<FreshDatabase> {
  if (serverUrl === undefined || serverUrl === '') {
    throw new Error(
      'STARLING_TEST_POSTGRES is not set: this test needs a PostgreSQL server; `npm test` starts one and sets it',
    )
  }
  const name = `starling_test_${randomBytes(6).toString('hex')}`
  await once(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    sql: (text, values = []) => once(url.href, text, values),
    drop: async () => void (await once(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`)),
  }
}

async function once(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows
  } finally {
    await client.end()
  }
}
