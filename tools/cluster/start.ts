import { type ServerSpec, startServer } from '@starling/testkit'
import { birthOf, stateOf } from '../alive.ts'
import { isOurs, type Ours } from './down.ts'
import { becomesReady, startPod } from './pod-process.ts'
import type { LaunchFile, RunFolder } from './state.ts'

/** Readiness of a pod is waited for that long: what it needs may be away on purpose. Units: ms. */
const readyWaitMs = 20_000

/**
 * Brings one killed process back under its name, on its ports and data, and writes its new id down; one that SIGSTOP holds
 * goes on. Returns what was done, in a sentence.
 * Errors: rejects when there is no such name, or it ends again.
 */
export async function startNamed(name: string, folder: RunFolder): Promise<string> {
  const launch = folder.read()
  if (launch === undefined) throw new Error('no cluster is known: npm run cluster -- up starts one')
  const pod = launch.pods.find(({ spec }) => spec.name === name)
  const server = launch.servers.find(({ spec }) => spec.name === name)
  const one = pod ?? server
  if (one === undefined) throw new Error(`there is no ${name}: the cluster has ${names(launch).join(', ')}`)
  if (isOurs(one)) return goOn(name, one)
  if (pod !== undefined) {
    const started = startPod(pod.spec)
    write(folder, (now) => ({ ...now, pods: now.pods.map((each) => (each.spec.name === name ? started : each)) }))
    const isReady = await becomesReady(started, readyWaitMs)
    return `${name} runs again, process ${started.pid}${isReady ? '' : `, but is not ready yet: see ${pod.spec.log}`}`
  }
  if (server === undefined) throw new Error(`there is no ${name}`)
  const { pid } = await startServer(specOf(server.spec))
  const started = { spec: server.spec, pid, birth: birthOf(pid) }
  write(folder, (now) => ({ ...now, servers: now.servers.map((each) => (each.spec.name === name ? started : each)) }))
  return `${name} runs again, process ${pid}`
}

function goOn(name: string, { pid }: Ours): string {
  if (stateOf(pid) !== 'stopped') return `${name} runs, process ${pid}`
  process.kill(pid, 'SIGCONT')
  return `${name} goes on, process ${pid}`
}

/** Read again before writing: somebody may have started another one meanwhile. */
function write(folder: RunFolder, change: (launch: LaunchFile) => LaunchFile): void {
  const now = folder.read()
  if (now !== undefined) folder.write(folder.domain(), change(now))
}

function specOf(spec: ServerSpec): ServerSpec {
  return { ...spec, detached: true }
}

function names(launch: LaunchFile): readonly string[] {
  return [...launch.servers, ...launch.pods].map(({ spec }) => spec.name)
}
