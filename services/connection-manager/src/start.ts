import { createServer, type Server, type Socket } from 'node:net'
import type { PodIo, PodService } from '@starling/core'
import { createNameTable } from '@starling/xml'
import { acceptPlain, acceptTls } from './accept.ts'
import { assemblePod } from './assemble.ts'
import { boshPath, createBoshHandler } from './bosh/bosh.ts'
import { watchCertificate } from './certificate-watch.ts'
import { drainPod } from './drain.ts'
import { orNone } from './limits.ts'
import type { Later, Pod } from './pod.ts'
import { acceptProxied } from './proxied.ts'
import { certificateFiles, loadTlsIdentities } from './tls-identities.ts'
import { createUpgradeHandler, webSocketPath } from './websocket.ts'

/** A pod that runs, with what tests and drains want of it. */
export interface RunningPod extends PodService {
  readonly pod: Pod
  /** Loads the certificate anew; new handshakes get it. */
  readonly reloadCertificate: () => void
}

const backlogConnections = 1_024

/** Listens and serves until it is drained. Errors: rejects when a port or the certificate cannot be had. */
export async function startPod(io: PodIo, later: Later = laterByTimer): Promise<RunningPod> {
  const { settings } = io
  let identities = loadTlsIdentities(settings, io)
  const reloadCertificate = (): void => {
    identities = loadTlsIdentities(settings, io)
    io.logger.info({ what: 'certificate.loaded', notAfter: new Date(identities.notAfterMs).toISOString() })
  }
  const { pod, startDraining, close } = assemblePod(io, { later, identity: () => identities.first })
  const names = createNameTable()
  const maxOutputBytes = orNone(settings.c2s.maxOutputBytes)
  const ports = { names, links: { flushes: pod.flushes, identities: () => identities, maxOutputBytes } }
  io.metrics.observed(
    'starling_c2s_certificate_not_after_seconds',
    'When the certificate in use ends, in seconds since 1970',
    () => identities.notAfterMs / 1_000,
  )
  io.http.upgrade(webSocketPath, createUpgradeHandler(pod, { names, maxOutputBytes }))
  io.http.route(boshPath, createBoshHandler(pod, { names, maxOutputBytes }))
  const portFor = (port: number): number => (port === 0 ? 0 : port + settings.portOffset)
  const takePlain = (socket: Socket, address?: string): void => acceptPlain(pod, socket, ports, address)
  const takeTls = (socket: Socket, address?: string): void => acceptTls(pod, socket, ports, address)
  const isProxied = settings.c2s.proxyProtocol
  const plain = await listen(
    isProxied ? acceptProxied(pod, takePlain) : (socket) => takePlain(socket),
    settings.listen.c2s,
    portFor(settings.ports.c2s),
  )
  const tls = await listen(
    isProxied ? acceptProxied(pod, takeTls) : (socket) => takeTls(socket),
    settings.listen.c2s,
    portFor(settings.ports.c2sTls),
  )
  const tellUnusable = (error: unknown): void => {
    io.logger.error({ what: 'certificate.unusable', hint: 'the one before stays in use', error })
  }
  const files = (): readonly string[] => certificateFiles(settings)
  const stopWatching = watchCertificate({ files, later, reload: reloadCertificate, onFault: tellUnusable })
  io.logger.info({
    what: 'listening',
    c2s: portOf(plain),
    c2sTls: portOf(tls),
    isSelfSigned: identities.first.isSelfSigned,
  })
  return {
    pod,
    ports: { c2s: portOf(plain), c2sTls: portOf(tls) },
    isReady: () => pod.phase() === 'open' && io.isReady(),
    reloadCertificate,
    reload: () => {
      try {
        reloadCertificate()
      } catch (error) {
        tellUnusable(error)
      }
    },
    drain: async (timeoutMs) => {
      if (!startDraining()) return
      plain.close()
      tls.close()
      await drainPod(pod, timeoutMs)
      stopWatching()
      close()
    },
  }
}

function listen(accept: (socket: Socket) => void, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept)
    server.once('error', reject)
    server.listen({ host, port, backlog: backlogConnections }, () => {
      server.removeListener('error', reject)
      server.on('error', () => {}) // an accept that failed (no file left) is the client's to repeat
      resolve(server)
    })
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const laterByTimer: Later = (delayMs, run) => {
  const timer = setTimeout(run, delayMs)
  return () => clearTimeout(timer)
}
