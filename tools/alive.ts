import { readFileSync } from 'node:fs'

/** What is known of a process by its id. */
export type ProcessState = 'running' | 'stopped' | 'gone'

/** Whether a process of this id runs; one that has ended and waits to be collected does not. */
export function isAlive(pid: number): boolean {
  return stateOf(pid) !== 'gone'
}

/** What a process does: `stopped` is one that SIGSTOP holds. */
export function stateOf(pid: number): ProcessState {
  if (!Number.isSafeInteger(pid) || pid <= 0) return 'gone'
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return 'gone'
  }
  const [state] = statOf(pid) ?? []
  if (state === 'Z' || state === 'X') return 'gone'
  return state === 'T' ? 'stopped' : 'running'
}

/** When a process began, in the system's own count: two processes of one id differ in it. Empty where it cannot be known. */
export function birthOf(pid: number): string {
  return statOf(pid)?.[19] ?? ''
}

/** Fields of /proc/PID/stat from the state on. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined // no /proc here
  }
}
