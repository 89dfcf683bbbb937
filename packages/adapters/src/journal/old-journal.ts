import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/**
 * The rows of a journal as it was kept before: a table of one SQLite file; none where there is no such file.
 * COMPAT(0.1.0, before 2026-12): takes over what an earlier version's process had not finished.
 */
export function readOldJournal(file: string): readonly Uint8Array[] {
  if (!existsSync(file)) return []
  const database = new DatabaseSync(file)
  try {
    return database
      .prepare('SELECT changes FROM journal ORDER BY seq')
      .all()
      .map((row) => row['changes'] as Uint8Array)
  } finally {
    database.close()
  }
}

/** Removes that file once its rows stand elsewhere. */
export function removeOldJournal(file: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
}
