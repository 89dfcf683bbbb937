import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const defaultBusyMs = 5000

/**
 * Keeps a folder for this process until it ends, however it ends: by the system's lock of an empty SQLite file.
 * Errors: throws `database is locked` when another process has it after `busyMs`.
 */
export function lockFolder(folder: string, busyMs = defaultBusyMs): { readonly release: () => void } {
  const database = new DatabaseSync(join(folder, 'lock'))
  try {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw error
  }
  return { release: () => database.close() }
}
