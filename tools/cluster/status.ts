import { stateOf } from '../alive.ts'
import { isOurs } from './down.ts'
import { isReady } from './pod-process.ts'
import type { LaunchFile } from './state.ts'

/** A line for each process of a cluster, and whether all are well. */
export async function status(
  launch: LaunchFile,
): Promise<{ readonly lines: readonly string[]; readonly isWell: boolean }> {
  const servers = launch.servers.map((one) => ({
    name: one.spec.name,
    pid: one.pid,
    state: isOurs(one) ? stateOf(one.pid) : 'gone',
    isWell: isOurs(one) && stateOf(one.pid) === 'running',
    ports: `port ${one.spec.port}`,
  }))
  const pods = await Promise.all(
    launch.pods.map(async (one) => {
      const state = isOurs(one) ? stateOf(one.pid) : 'gone'
      const ready = state === 'running' && (await isReady(one.spec, one.pid))
      const ports = Object.entries(one.spec.ports).map(([name, port]) => `${name} ${port}`)
      const word = state === 'running' ? (ready ? 'ready' : 'not ready') : state
      return { name: one.spec.name, pid: one.pid, state: word, isWell: ready, ports: ports.join(', ') }
    }),
  )
  const rows = [...servers, ...pods]
  return {
    lines: rows.map(
      ({ name, pid, state, ports }) => `${name.padEnd(24)} ${String(pid).padEnd(8)} ${state.padEnd(10)} ${ports}`,
    ),
    isWell: rows.every(({ isWell }) => isWell),
  }
}
