import type { PodInbox, PodIo } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import { createNameTable } from '@starling/xml'
import { openPodInbox } from '../../packages/runtime/src/pod-inbox.ts'
import { createPublisher } from '../../packages/runtime/src/publisher.ts'
import { assemblePod } from '../../services/connection-manager/src/assemble.ts'
import { Connection } from '../../services/connection-manager/src/connection.ts'
import type { Later, Pod } from '../../services/connection-manager/src/pod.ts'
import { type Process, textOf } from './engine.ts'
import { ioOf } from './io.ts'
import type { Line } from './link.ts'
import type { Servers } from './stages.ts'

/** What a connection-manager may be made to do wrong. */
export interface PodFlaws {
  /** Stanzas count as handled before the log holds them. */
  readonly acksFirst?: boolean
  /** The lease is believed in for ever. */
  readonly neverFenced?: boolean
  /** The ordinals of what arrives are read as whatever would fit. */
  readonly ignoresOrdinals?: boolean
  /** Every resume comes with the newest generation. */
  readonly ignoresGenerations?: boolean
  /** The end of a connection is told as the client's own wish. */
  readonly dropsAsClosed?: boolean
}

/** A pod of the connection-manager without sockets. */
export interface SimulatedPod {
  readonly process: Process
  /** Lines to clients, as long as either end has them. */
  readonly lines: Set<Line>
  /** A client has dialled: it is told `ready` once it may send its stream header as an account that signed in. */
  readonly accept: (line: Line, account: BareJid) => void
}

/** Word that a line carries when the client is asked for its proof. */
export const ready = '(ready)'

const names = createNameTable()

/** Starts a pod: the real connections, roll, drops and sweeper, on the real pod inbox; sockets and sign-in alone are simulated. */
export function startPod(servers: Servers, process: Process, flaws: PodFlaws): SimulatedPod {
  const { engine } = servers
  const lines = new Set<Line>()
  const waiting: (() => void)[] = []
  let accept: SimulatedPod['accept'] | undefined
  engine.later(process, 0, () => {
    open(servers, process, flaws).then(
      (pod) => {
        accept = (line, account) => signIn(servers, pod, line, account)
        for (const run of waiting.splice(0)) run()
      },
      (error: unknown) => engine.violation(`${process.name} does not start: ${textOf(error)}`),
    )
  })
  return {
    process,
    lines,
    accept: (line, account) => {
      lines.add(line)
      engine.later(process, engine.latencyMs(), () => {
        if (accept === undefined) waiting.push(() => accept?.(line, account))
        else accept(line, account)
      })
    },
  }
}

async function open(servers: Servers, process: Process, flaws: PodFlaws): Promise<Pod> {
  const { engine, broker, presence } = servers
  const io = ioOf(engine, process, presence)
  const log = broker.logOf(process)
  const publisher = await createPublisher(log)
  const { clock, monotonic, logger } = io
  const inbox = flawedInbox(
    await openPodInbox(process.name, { log, presence: io.presence, publisher, logger, clock, monotonic }),
    flaws,
  )
  let generation = 1_000_000
  const publish: PodIo['publish'] = async (to, envelope) => {
    const flawed = flawedEnvelope(envelope, flaws, () => ++generation + engine.nowMs())
    const done = publisher.publish(to, flawed)
    if (flaws.acksFirst !== true || envelope.kind !== 'client') await done
    else done.catch(() => {})
  }
  const podIo: PodIo = {
    ...io,
    inbox,
    http: { route: () => {}, upgrade: () => {} },
    publish,
    pendingBytes: () => log.health().pendingBytes,
    isReady: () => inbox.isLeased(),
  }
  const later: Later = (delayMs, run) => engine.later(process, delayMs, run)
  return assemblePod(podIo, { later, atTurnsEnd: (run) => later(0, run), identity: withoutCertificate }).pod
}

// A line is as good as secured: no certificate is shown
const withoutCertificate = (): never => {
  throw new Error('a simulated pod shows no certificate')
}

/** R5: the generation is taken while the client is provably there, for it is asked for something after that. */
function signIn({ engine }: Servers, pod: Pod, line: Line, account: BareJid): void {
  pod.io.presence.takeGeneration(account).then(
    (generation) => {
      const connection = new Connection(pod, { transport: 'tls', remoteAddress: '::1', addressKey: '::1' }, names)
      line.attach(connection, pod.flushes)
      connection.state = {
        ...connection.state,
        isSecure: true,
        phase: { kind: 'unopened', signedIn: { account, generation } },
      }
      connection.intake.widen()
      line.tell([ready])
    },
    () => {
      engine.trace(() => `${line.process.name} cannot sign ${account} in`)
      line.destroy()
    },
  )
}

function flawedInbox(inbox: PodInbox, flaws: PodFlaws): PodInbox {
  return {
    ...inbox,
    isLeased: () => flaws.neverFenced === true || inbox.isLeased(),
    onFenced: (handler) => inbox.onFenced(flaws.neverFenced === true ? () => {} : handler),
    onEnvelopes: (handler) => {
      if (flaws.ignoresOrdinals !== true) return inbox.onEnvelopes(handler)
      const lasts = new Map<number, number>()
      inbox.onEnvelopes((envelopes) => handler(envelopes.map((envelope) => renumbered(envelope, lasts))))
    },
  }
}

/** Numbered as if each were the next one. */
function renumbered(envelope: Envelope, lasts: Map<number, number>): Envelope {
  if (envelope.kind === 'signal' && envelope.head.signal === 'resumed') {
    lasts.set(envelope.target.connection, envelope.head.acked)
  }
  if (envelope.kind !== 'output') return envelope
  const recipients = envelope.recipients.map((recipient) => {
    if (recipient.ordinal === undefined) return recipient
    const ordinal = (lasts.get(recipient.connection) ?? 0) + 1
    lasts.set(recipient.connection, ordinal)
    return { ...recipient, ordinal }
  })
  return { ...envelope, recipients }
}

function flawedEnvelope(envelope: Envelope, flaws: PodFlaws, newest: () => number): Envelope {
  if (flaws.ignoresGenerations === true && envelope.kind === 'resume') {
    return { ...envelope, head: { ...envelope.head, generation: newest() } }
  }
  if (flaws.dropsAsClosed === true && envelope.kind === 'drop') return { ...envelope, head: { reason: 'closed' } }
  return envelope
}
