import { open, readFile, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const waitMs = 200

/**
 * Runs `work` while this process alone holds the lock file; a lock whose holder has died is taken over.
 * Errors: whatever `work` throws.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  while (!(await take(path))) await sleep(waitMs)
  try {
    return await work()
  } finally {
    await unlink(path).catch(() => undefined)
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => ''))
  if (holder > 0 && !isAlive(holder)) await unlink(path).catch(() => undefined)
  return false
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
