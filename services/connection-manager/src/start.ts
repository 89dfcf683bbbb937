import { createServer, type Server, type Socket } from 'node:net'
import type { PodIo, PodService } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { createNameTable } from '@starling/xml'
import { acceptPlain, acceptTls } from './accept.ts'
import { AckRequests } from './ack-requests.ts'
import { boshPath, createBoshHandler } from './bosh/bosh.ts'
import { watchCertificate } from './certificate-watch.ts'
import type { Connection } from './connection.ts'
import { drainPod } from './drain.ts'
import { Drops } from './drops.ts'
import { receiveEnvelopes } from './envelopes.ts'
import { Fast } from './fast.ts'
import { sweep, sweepMs } from './keepalive.ts'
import { limits, orNone } from './limits.ts'
import { FlushList } from './link.ts'
import { Logins } from './logins.ts'
import { createMeters } from './meters.ts'
import { Pauses } from './pauses.ts'
import type { Later, Pod } from './pod.ts'
import { acceptProxied } from './proxied.ts'
import { reassertForgotten } from './reassert.ts'
import { Roll } from './roll.ts'
import { keepSweeping, Sweeper } from './sweep.ts'
import { certificateFiles, loadTlsIdentities } from './tls-identities.ts'
import { Trims } from './trims.ts'
import { Turns } from './turns.ts'
import { createUpgradeHandler, webSocketPath } from './websocket.ts'

/** A pod that runs, with what tests and drains want of it. */
export interface RunningPod extends PodService {
  readonly pod: Pod
  /** Loads the certificate anew; new handshakes get it. */
  readonly reloadCertificate: () => void
}

const backlogConnections = 1_024
const maxConnectionNumber = 0xffff_ffff // as wide as an envelope carries it

/** Listens and serves until it is drained. Errors: rejects when a port or the certificate cannot be had. */
export async function startPod(io: PodIo, later: Later = laterByTimer): Promise<RunningPod> {
  const { settings } = io
  let identities = loadTlsIdentities(settings, io)
  const reloadCertificate = (): void => {
    identities = loadTlsIdentities(settings, io)
    io.logger.info({ what: 'certificate.loaded', notAfter: new Date(identities.notAfterMs).toISOString() })
  }
  let phase: 'open' | 'draining' = 'open'
  let lastId = 0
  let losses = 0
  const meters = createMeters(io.metrics)
  const connections = new Map<number, Connection>()
  const roll = new Roll({ presence: io.presence, onLost: () => meters.lostDelistings.add() })
  const sweeper = new Sweeper({ io, meters })
  const drops = new Drops({
    publish: (envelope) => io.publish('session', envelope),
    clock: io.clock,
    isReady: io.isReady,
    onDurable: ({ target, key }) => roll.delist(target, key as BareJid),
    onLost: () => meters.lostDrops.add(),
  })
  let isFenced = false
  const checkLease = (): boolean => {
    if (io.inbox.isLeased()) {
      isFenced = false
      return true
    }
    // Once: what comes without a lease is told so, and has no session to lose
    if (!isFenced) fence(pod)
    isFenced = true
    return false
  }
  const pod: Pod = {
    io,
    meters,
    connections,
    drops,
    roll,
    later,
    flushes: new FlushList(() => checkLease()),
    requests: new AckRequests(settings.sm.requestAfterMs, { later, monotonic: io.monotonic }),
    trims: new Trims({ presence: io.presence, later, onLost: (count) => meters.lostTrims.add(count) }),
    checkLease: () => checkLease(),
    logins: new Logins(io, meters, later),
    fast: new Fast({ io, secret: () => identities.first.secret }),
    arrivals: new Turns({
      perSecond: settings.c2s.loginsPerSecond * limits.socketsPerLogin,
      maxWaiting: limits.waitingSockets,
      later,
      monotonic: io.monotonic,
    }),
    pauses: new Pauses(later, io.monotonic),
    identity: () => identities.first,
    addresses: new Map(),
    transports: { tcp: 0, tls: 0, websocket: 0, bosh: 0 },
    losses: () => losses,
    phase: () => phase,
    nextId: () => {
      do lastId = lastId === maxConnectionNumber ? 1 : lastId + 1
      while (connections.has(lastId))
      return lastId
    },
  }
  io.metrics.observed(
    'starling_c2s_paused_connections',
    'Connections not read for a rate or the log',
    () => pod.pauses.count,
  )
  io.metrics.observed('starling_c2s_waiting_drops', 'Drop records the log does not hold yet', () => drops.count)
  io.metrics.observed('starling_c2s_waiting_logins', 'Sign-ins waiting for their turn', () => pod.logins.waiting)
  io.metrics.observed(
    'starling_c2s_waiting_roll_changes',
    'Changes of the roll that presence does not hold yet',
    () => roll.count,
  )
  io.metrics.observed('starling_c2s_waiting_sockets', 'Sockets that wait to be served', () => pod.arrivals.waiting)
  io.metrics.observed('starling_c2s_waiting_trims', 'Queues that presence was not told of yet', () => pod.trims.count)
  io.metrics.observed('starling_c2s_dead_pods', 'Pods seen dead and not swept yet', () => sweeper.deadLives)
  io.inbox.onEnvelopes((envelopes) => receiveEnvelopes(pod, envelopes))
  io.inbox.onFenced(() => fence(pod))
  io.inbox.onRestored(() => {
    losses++
    meters.losses.add()
    reassertForgotten(pod)
  })
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
  let stopSweep = scheduleSweep(pod)
  const tellUnusable = (error: unknown): void => {
    io.logger.error({ what: 'certificate.unusable', hint: 'the one before stays in use', error })
  }
  const files = (): readonly string[] => certificateFiles(settings)
  const stopWatching = watchCertificate({ files, later, reload: reloadCertificate, onFault: tellUnusable })
  const stopSweeping = keepSweeping(sweeper, later)
  io.logger.info({
    what: 'listening',
    c2s: portOf(plain),
    c2sTls: portOf(tls),
    isSelfSigned: identities.first.isSelfSigned,
  })
  return {
    pod,
    ports: { c2s: portOf(plain), c2sTls: portOf(tls) },
    isReady: () => phase === 'open' && io.isReady(),
    reloadCertificate,
    reload: () => {
      try {
        reloadCertificate()
      } catch (error) {
        tellUnusable(error)
      }
    },
    drain: async (timeoutMs) => {
      if (phase === 'draining') return
      phase = 'draining'
      plain.close()
      tls.close()
      await drainPod(pod, timeoutMs)
      stopSweeping()
      stopWatching()
      stopSweep()
      stopSweep = () => {}
      pod.pauses.close()
      pod.arrivals.close()
      pod.logins.close()
      pod.requests.close()
      pod.trims.close()
    },
  }
}

/** R7: the lease is gone, so nothing may show any more. */
function fence(pod: Pod): void {
  for (const connection of pod.connections.values()) {
    connection.link?.destroy()
    connection.finish('fenced', [])
  }
}

function scheduleSweep(pod: Pod): () => void {
  let isOver = false
  let cancel = (): void => {}
  const next = (): void => {
    if (isOver) return
    sweep(pod, pod.io.monotonic())
    cancel = pod.later(sweepMs, next)
  }
  cancel = pod.later(sweepMs, next)
  return () => {
    isOver = true
    cancel()
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
