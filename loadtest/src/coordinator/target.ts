import type { Endpoint } from '../client/link.ts'
import type { Transport } from '../scenario/scenario.ts'

/** A process of the server whose CPU and memory are measured, with all below it. */
export interface ServerProcess {
  readonly name: string
  readonly pid: number
}

/** The server under load. */
export interface Target {
  readonly name: string
  readonly domain: string
  readonly endpoints: readonly Endpoint[]
  /** Where accounts are made, if known. */
  readonly admin: { readonly url: string; readonly token: string } | undefined
  /** Whether strangers may make accounts (XEP-0077). */
  readonly isOpen: boolean
  readonly processes: readonly ServerProcess[]
  readonly metricsUrls: readonly string[]
  /** Kills a pod of a service and starts it again later; undefined where that cannot be done. Units: ms. */
  readonly killPod: ((service: string, restartAfterMs: number) => string) | undefined
  readonly stop: () => Promise<void>
}

/** Ports of one server, by kind. */
export interface ServerPorts {
  readonly c2s: number
  readonly c2sTls: number
  readonly http: number
}

/** The ports everybody uses. */
export const usualPorts: ServerPorts = { c2s: 5222, c2sTls: 5223, http: 5280 }

/** The port for a transport. */
export function portFor(transport: Transport, ports: ServerPorts): number {
  switch (transport) {
    case 'tcp':
    case 'starttls':
      return ports.c2s
    case 'tls':
      return ports.c2sTls
    case 'websocket':
    case 'bosh':
      return ports.http
    default:
      return transport satisfies never
  }
}

/** Reads `HOST`, `HOST:PORT`, `[V6]:PORT`, or several with commas. Errors: undefined. */
export function readEndpoints(text: string, transport: Transport): readonly Endpoint[] | undefined {
  const endpoints: Endpoint[] = []
  for (const one of text.split(',')) {
    const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(one.trim())
    if (match === null) return undefined
    const [, host = '', port] = match
    const number = port === undefined ? portFor(transport, usualPorts) : Number(port)
    if (number < 1 || number > 65_535) return undefined
    endpoints.push({ host: host.replace(/^\[|\]$/g, ''), port: number })
  }
  return endpoints
}
