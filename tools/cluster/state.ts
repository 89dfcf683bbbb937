import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerSpec } from '@starling/testkit'

/** `.run/cluster.json`: what runs, for measuring tools and people. Shape: fixed, see DESIGN §5. */
export interface ClusterFile {
  readonly domain: string
  readonly infrastructure: readonly { readonly name: string; readonly pid: number; readonly port: number }[]
  readonly pods: readonly {
    readonly name: string
    readonly service: string
    readonly pid: number
    readonly ports: Readonly<Record<string, number>>
    readonly log: string
  }[]
}

/** How a pod's process is started. */
export interface PodSpec {
  readonly name: string
  readonly service: string
  readonly ports: Readonly<Record<string, number>>
  readonly script: string
  readonly log: string
  readonly environment: Readonly<Record<string, string>>
  /** Network namespace it lives in; this machine's own without. */
  readonly namespace?: string
  /** Source tree it runs from; this one without. */
  readonly tree?: string
}

/** `.run/launch.json`: how everything is started again, and which processes are ours. Readable by its owner alone. */
export interface LaunchFile {
  readonly drainTimeoutMs: number
  readonly servers: readonly { readonly spec: ServerSpec; readonly pid: number; readonly birth: string }[]
  readonly pods: readonly { readonly spec: PodSpec; readonly pid: number; readonly birth: string }[]
}

/** The folder of a cluster and what it holds. */
export interface RunFolder {
  readonly path: (...names: readonly string[]) => string
  readonly read: () => LaunchFile | undefined
  /** Writes both files. */
  readonly write: (domain: string, launch: LaunchFile) => void
  readonly domain: () => string
  readonly forget: () => void
}

/** Opens a folder, made if need be. */
export function openRunFolder(directory: string): RunFolder {
  const path = (...names: readonly string[]): string => join(directory, ...names)
  const launchFile = path('launch.json')
  const clusterFile = path('cluster.json')
  const writeWhole = (file: string, value: unknown, mode: number): void => {
    writeFileSync(`${file}.new`, `${JSON.stringify(value, undefined, 2)}\n`, { mode })
    renameSync(`${file}.new`, file)
  }
  mkdirSync(path('logs'), { recursive: true })
  return {
    path,
    read: () => (existsSync(launchFile) ? (JSON.parse(readFileSync(launchFile, 'utf8')) as LaunchFile) : undefined),
    domain: () =>
      existsSync(clusterFile) ? (JSON.parse(readFileSync(clusterFile, 'utf8')) as ClusterFile).domain : 'localhost',
    write: (domain, launch) => {
      writeWhole(launchFile, launch, 0o600)
      writeWhole(clusterFile, clusterOf(domain, launch), 0o644)
    },
    forget: () => {
      for (const file of [launchFile, clusterFile]) rmSync(file, { force: true })
    },
  }
}

/** What `.run/cluster.json` says of a cluster. */
export function clusterOf(domain: string, launch: LaunchFile): ClusterFile {
  return {
    domain,
    infrastructure: launch.servers.map(({ spec, pid }) => ({ name: spec.name, pid, port: spec.port })),
    pods: launch.pods.map(({ spec: { name, service, ports, log }, pid }) => ({ name, service, pid, ports, log })),
  }
}
