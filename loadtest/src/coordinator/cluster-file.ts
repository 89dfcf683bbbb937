import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerProcess } from './target.ts'

/** What `npm run cluster` leaves in `.run/cluster.json`. */
export interface ClusterFile {
  readonly domain: string
  readonly infrastructure: readonly ServerProcess[]
  readonly pods: readonly ClusterPod[]
}

/** A pod of it. */
interface ClusterPod extends ServerProcess {
  readonly service: string
  readonly ports: Readonly<Record<string, number>>
  readonly log: string
}

/** The cluster that runs here; undefined without one: the file of a cluster that was killed, or of a machine before its restart, is none. */
export function runningCluster(runDir: string): ClusterFile | undefined {
  const path = join(runDir, 'cluster.json')
  if (!existsSync(path)) return undefined
  const file = JSON.parse(readFileSync(path, 'utf8')) as ClusterFile
  return file.pods.some(isStillThere) ? file : undefined
}

/** Whether a pod's process is still the one that writes its log: a process id alone may be somebody else's by now. */
function isStillThere({ pid, log }: ClusterPod): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/1`).startsWith(log)
  } catch {
    return false
  }
}
