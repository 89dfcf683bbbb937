import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isAlive } from '../../alive.ts'
import { openRelay, type Place, type Relay } from './relay.ts'

/** Cables of an island, each a pair of virtual network cards that can be cut by itself. */
export type Cable = 'clients' | 'kafka' | 'redis' | 'postgres'

/** A network namespace in which one pod lives: what it sees of the world comes by cables. */
export interface Island {
  /** Name of the network namespace. */
  readonly name: string
  /** Packets of a cable vanish from now on: connections neither end nor answer. */
  readonly cut: (cable: Cable) => void
  readonly mend: (cable: Cable) => void
  /** Removes the namespace, its cables and relays. */
  readonly end: () => Promise<void>
}

/** What an island has to reach, and be reached by. */
export interface IslandPlan {
  /** Ports of this machine's loopback that the island's loopback shows, by their cable. */
  readonly servers: readonly { readonly cable: Cable; readonly port: number }[]
  /** Ports of the island that this machine's loopback shows. */
  readonly ports: readonly number[]
}

const cables: readonly Cable[] = ['clients', 'kafka', 'redis', 'postgres']
const prefix = 'starling-island-'
const home = '127.0.0.1'

/** Why there can be no island here; undefined where there can. */
export function whyNoIsland(): string | undefined {
  const name = `${prefix}${process.pid}-try`
  try {
    removeForgotten()
    ip('netns', 'add', name)
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[1] ?? error.message).trim() : String(error)
  }
  try {
    // Cards may be forbidden where namespaces are not
    ip('link', 'add', cardOf(name, 9), 'type', 'veth', 'peer', 'name', 'try', 'netns', name)
    return undefined
  } catch (error) {
    return String(error)
  } finally {
    ip('netns', 'del', name)
  }
}

/**
 * Makes an island: four cables, on each a relay at both ends for every port, since the island's loopback is its own.
 * Errors: rejects where it is not permitted (whyNoIsland); what was made by then is removed.
 */
export async function makeIsland(plan: IslandPlan): Promise<Island> {
  const name = `${prefix}${process.pid}-${plan.ports[0] ?? 0}`
  const relays: Relay[] = []
  const keep = async (target: Place, from: Place): Promise<void> => {
    relays.push(await openRelay(target, { from, mode: 'open' }))
  }
  let inside: ReturnType<typeof spawn> | undefined
  const end = async (): Promise<void> => {
    inside?.stdin?.end()
    inside?.kill('SIGKILL')
    for (const relay of relays.splice(0)) await relay.close()
    // Its cards go with it, on both sides
    if (namespaces().includes(name)) ip('netns', 'del', name)
  }
  try {
    ip('netns', 'add', name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    for (const [at, cable] of cables.entries()) {
      ip('link', 'add', cardOf(name, at), 'type', 'veth', 'peer', 'name', cable, 'netns', name)
      ip('addr', 'add', `${outer(at)}/30`, 'dev', cardOf(name, at))
      ip('link', 'set', cardOf(name, at), 'up')
      ip('-n', name, 'addr', 'add', `${inner(at)}/30`, 'dev', cable)
      ip('-n', name, 'link', 'set', cable, 'up')
    }
    for (const port of plan.ports) await keep({ host: inner(0), port }, { host: home, port })
    for (const { cable, port } of plan.servers)
      await keep({ host: home, port }, { host: outer(cables.indexOf(cable)), port })
    const pairs = plan.servers.map(({ cable, port }) => `${home}:${port}>${outer(cables.indexOf(cable))}:${port}`)
    inside = await startInside(name, pairs)
  } catch (error) {
    await end()
    throw error
  }
  const set = (cable: Cable, state: 'up' | 'down'): void => {
    ip('link', 'set', cardOf(name, cables.indexOf(cable)), state)
  }
  return { name, cut: (cable) => set(cable, 'down'), mend: (cable) => set(cable, 'up'), end }
}

async function startInside(name: string, pairs: readonly string[]): Promise<ReturnType<typeof spawn>> {
  const script = fileURLToPath(new URL('./relay-process.ts', import.meta.url))
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, ...pairs]
  const child = spawn('ip', ['netns', 'exec', name, ...node], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the relays of ${name} ended with ${code}`)))
    child.stdout.once('data', () => resolve())
  })
  return child
}

/** Namespaces whose maker is gone: killed before it could clear up. */
function removeForgotten(): void {
  for (const name of namespaces()) {
    const [, pid] = /^starling-island-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) ip('netns', 'del', name)
  }
}

function namespaces(): readonly string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
}

/** Name of a cable's card on this machine's side. Units: at most 15 letters. */
function cardOf(name: string, at: number): string {
  return `stl${name.slice(prefix.length).replaceAll(/\D/g, '').slice(-8)}c${at}`
}

const outer = (at: number): string => `10.231.${at}.1`
const inner = (at: number): string => `10.231.${at}.2`

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
