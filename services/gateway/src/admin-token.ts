import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '@starling/core'

/** File in the data directory that holds the admin token when none is configured. */
export const tokenFile = 'admin.token'

/**
 * The admin token: the configured one, or one kept in the data directory (mode 0600) and made there first.
 * Errors: rejects when the data directory cannot be written.
 */
export async function adminToken(settings: Settings): Promise<string> {
  if (settings.admin.token !== '') return settings.admin.token
  const file = join(settings.dataDir, tokenFile)
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  if (kept.trim() !== '') return kept.trim()
  const token = randomBytes(32).toString('base64url')
  await mkdir(settings.dataDir, { recursive: true })
  await writeFile(file, `${token}\n`, { mode: 0o600 })
  return token
}
