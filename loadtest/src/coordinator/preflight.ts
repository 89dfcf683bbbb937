import { existsSync, readFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { checkBosh } from '../client/bosh-link.ts'
import type { Endpoint } from '../client/link.ts'
import type { Transport } from '../scenario/scenario.ts'

/** What a run will need. */
export interface Needs {
  readonly users: number
  /** BOSH has two, everything else one. */
  readonly socketsEach: number
  readonly workers: number
  readonly sourceAddresses: readonly string[]
  readonly endpoints: readonly Endpoint[]
}

/** What this machine allows. Undefined is unknown. */
export interface Machine {
  /** Open files of one process. */
  readonly files: number | undefined
  /** Ports for outgoing connections from one address to one place. */
  readonly ports: number | undefined
  /** Connections the firewall can follow. */
  readonly conntrack: number | undefined
}

/** Files a worker opens beside its sockets. */
const ownFiles = 100

/** Compares; each fault is a sentence with its cure. */
export function checkNeeds(needs: Needs, machine: Machine): readonly string[] {
  const { users, socketsEach, workers, sourceAddresses, endpoints } = needs
  const sockets = users * socketsEach
  const faults: string[] = []
  const perWorker = Math.ceil(sockets / workers)
  if (machine.files !== undefined && perWorker + ownFiles > machine.files) {
    const enough = Math.ceil(sockets / Math.max(1, machine.files - ownFiles))
    faults.push(
      `${users} users on ${workers} workers need ${perWorker + ownFiles} open files each, and a process may have ${machine.files}: use --workers ${enough} or raise ulimit -n`,
    )
  }
  const places = Math.max(1, sourceAddresses.length) * Math.max(1, endpoints.length)
  if (machine.ports !== undefined && sockets > machine.ports * places) {
    const enough = Math.ceil(sockets / machine.ports / Math.max(1, endpoints.length))
    faults.push(
      `${sockets} connections need as many local ports, and there are ${machine.ports} for each pair of source address and target: name ${enough} addresses in connection.sourceAddresses (127.0.0.1, 127.0.0.2, …)`,
    )
  }
  if (machine.conntrack !== undefined && sockets > machine.conntrack) {
    faults.push(
      `the firewall follows ${machine.conntrack} connections at most, ${sockets} are wanted: raise net.netfilter.nf_conntrack_max`,
    )
  }
  return faults
}

/** Looks at this machine. Source: proc(5). */
export function lookAtMachine(): Machine {
  const files = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits'))?.[1]
  const [low, high] = read('/proc/sys/net/ipv4/ip_local_port_range').trim().split(/\s+/).map(Number)
  const conntrack = read('/proc/sys/net/netfilter/nf_conntrack_max').trim()
  return {
    files: files === undefined ? undefined : Number(files),
    ports: low === undefined || high === undefined || !(high > low) ? undefined : high - low + 1,
    conntrack: conntrack === '' ? undefined : Number(conntrack),
  }
}

/** Whether the target takes connections, of the scenario's transport, and the source addresses are this machine's; each fault is a sentence. */
export async function checkReach(
  { endpoints, sourceAddresses }: Pick<Needs, 'endpoints' | 'sourceAddresses'>,
  { domain, transport }: { readonly domain: string; readonly transport: Transport },
): Promise<readonly string[]> {
  const places = await Promise.all(endpoints.map(reaches))
  const sources = await Promise.all(sourceAddresses.map(isOurs))
  const isUp = places.every((fault) => fault === undefined)
  const bosh =
    transport === 'bosh' && isUp ? await Promise.all(endpoints.map((endpoint) => checkBosh(endpoint, domain))) : []
  return [...places, ...sources, ...bosh].filter((fault) => fault !== undefined)
}

function reaches({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 5_000 })
    const end = (fault: string | undefined): void => {
      socket.destroy()
      resolve(fault)
    }
    socket.on('connect', () => end(undefined))
    socket.on('timeout', () => end(`nothing answers at ${host}:${port}`))
    socket.on('error', (error) =>
      end(
        `${host}:${port} takes no connection (${'code' in error ? error.code : error.message}): is the server running?`,
      ),
    )
  })
}

function isOurs(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(`${address} in connection.sourceAddresses is no address of this machine`))
    server.listen(0, address, () => server.close(() => resolve(undefined)))
  })
}

function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
