import { setImmediate } from 'node:timers/promises'
import type {
  AskResult,
  Log,
  Logger,
  LogReader,
  LogRecord,
  PodInbox,
  Presence,
  QueryCall,
  SlotLease,
} from '@starling/core'
import { type Answer, causeTable, type Envelope, encodeEnvelope, inboxes, type Json, type Target } from '@starling/wire'
import { decodeRecords } from './decode.ts'
import type { Publisher } from './publisher.ts'

/** How a pod holds its slot. Units: ms. */
export interface LeaseTimes {
  /** Until the lease ends by itself. */
  readonly leaseMs: number
  /** Between renewals. */
  readonly renewMs: number
  /** The pod stops believing in its lease that long before Redis does. */
  readonly marginMs: number
}

/** Default lease times (R7). */
export const leaseTimes: LeaseTimes = { leaseMs: 5_000, renewMs: 1_500, marginMs: 500 }

/** Units: ms from a renewal that failed to the next try: presence may be back long before the lease ends. */
const retryMs = 200

/** Questions a pod may have open. Units: questions; more are refused with `unavailable`. */
export const maxQuestions = 20_000

/** What holding a slot needs. */
export interface PodInboxPorts {
  readonly log: Log
  readonly presence: Presence
  readonly publisher: Publisher
  readonly logger: Logger
  readonly clock: () => number
  readonly monotonic: () => number
  /** Told of every record that is read, to measure how long it was on its way. */
  readonly onRecords?: (records: readonly LogRecord[]) => void
  /** Told of every envelope that is handed on and belongs to a trace. Units: ms since 1970 that its record was written at. */
  readonly onTraced?: ((envelope: Envelope, writtenMs: number) => void) | undefined
  readonly times?: LeaseTimes
}

/** A pod inbox that can be closed. */
export interface OpenPodInbox extends PodInbox {
  readonly close: () => Promise<void>
}

/** A lease as long as it is believed in. */
interface Held {
  readonly lease: SlotLease
  readonly reader: LogReader
  validUntil: number
}

/**
 * Leases a slot, reads its partition from the lease record on and keeps the lease (R7). Waits for a slot, for Redis and for
 * the log as long as it takes.
 */
export async function openPodInbox(pod: string, ports: PodInboxPorts): Promise<OpenPodInbox> {
  const { log, presence, logger, monotonic } = ports
  const times = ports.times ?? leaseTimes
  const { topic } = inboxes.pod
  const questions = new Map<number, { resolve: (result: AskResult) => void; timer: NodeJS.Timeout }>()
  const sleepers = new Set<() => void>()
  let nextQuestion = 1
  let held: Held | undefined
  let isClosed = false
  let receive: (envelopes: readonly Envelope[]) => void = () => {}
  let fenced: () => void = () => {}
  let restored: () => void = () => {}

  const answered = (envelope: Answer): void => {
    const question = questions.get(envelope.head.question)
    if (question === undefined) return // its time ran out
    questions.delete(envelope.head.question)
    clearTimeout(question.timer)
    question.resolve(
      'error' in envelope.head ? { ok: false, error: 'unavailable' } : { ok: true, value: envelope.head.result },
    )
  }

  const take = async (): Promise<Held | undefined> => {
    const slots = await log.partitions(topic)
    while (!isClosed) {
      const asked = monotonic()
      const lease = await presence.leaseSlot(pod, slots, times.leaseMs)
      if (lease !== undefined) {
        // R7: the epoch is the offset of the lease record: unique even if Redis forgets, and where reading starts
        const record: Envelope = { kind: 'lease', key: '', atMs: ports.clock(), head: { pod } }
        const { offset } = await log.produce(topic, lease.slot, [encodeEnvelope(record)])
        const mine = { ...lease, epoch: offset }
        if (await presence.extendSlot(mine, times.leaseMs)) {
          const reader = await log.read(topic, mine.slot, {
            from: offset,
            handle: (batch) => {
              ports.onRecords?.(batch.records)
              return read(batch.records, mine)
            },
          })
          logger.info({ what: 'slot.leased', holder: pod, slot: mine.slot, epoch: mine.epoch })
          return { lease: mine, reader, validUntil: asked + times.leaseMs - times.marginMs }
        }
      }
      logger.warn({ what: 'slot.none-free', holder: pod, slots })
      await pause(times.renewMs)
    }
    return undefined
  }

  const tables = new Map<number, ReturnType<typeof causeTable>>() // duplicates are dropped here too (R3), an epoch long
  const read = async (records: readonly LogRecord[], lease: SlotLease): Promise<void> => {
    const table = tables.get(lease.epoch) ?? causeTable('')
    if (!tables.has(lease.epoch)) {
      tables.clear()
      tables.set(lease.epoch, table)
    }
    const placed = decodeRecords(records, (offset, index, fault) =>
      logger.error({ what: 'envelope.unreadable', inbox: 'pod', slot: lease.slot, offset, index, fault }),
    )
    let mine: Envelope[] = []
    let isAnswered = false
    /** Order: what an answer causes at once goes before what stands behind it in the log, in this batch or the next. */
    const settle = async (): Promise<void> => {
      if (isAnswered) await setImmediate()
      isAnswered = false
    }
    const hand = async (): Promise<void> => {
      if (mine.length === 0) return
      await settle()
      receive(mine)
      mine = []
    }
    const writtenAt = (offset: number): number => records.find((record) => record.offset === offset)?.timestampMs ?? 0
    for (const { offset, envelope } of placed) {
      if (epochOf(envelope) !== lease.epoch) continue // R7: written for an earlier pod of this slot
      if (envelope.cause !== undefined && !table.accept(envelope.cause)) continue
      if (envelope.trace !== undefined) ports.onTraced?.(envelope, writtenAt(offset))
      if (envelope.kind === 'answer') {
        await hand()
        answered(envelope)
        isAnswered = true
      } else mine.push(envelope)
    }
    await hand()
    await settle()
  }

  const fence = async (why: string): Promise<void> => {
    const lost = held
    held = undefined
    if (lost === undefined || isClosed) return
    logger.error({ what: 'slot.lost', holder: pod, slot: lost.lease.slot, epoch: lost.lease.epoch, why })
    fenced()
    await lost.reader.close().catch((error: unknown) => logger.warn({ what: 'slot.reader-close', error }))
  }

  // R7: the lease ends by this clock, also while Redis hangs and a renewal has no answer
  let watcher: NodeJS.Timeout | undefined
  const watch = (): void => {
    clearTimeout(watcher)
    if (held === undefined) return
    watcher = setTimeout(
      () => {
        if (held === undefined || monotonic() < held.validUntil) watch()
        else void fence('it could not be renewed in time')
      },
      Math.max(1, held.validUntil - monotonic()),
    )
  }

  const keep = async (): Promise<void> => {
    let gapMs = times.renewMs
    while (!isClosed) {
      if (held === undefined) {
        held = await takeWithPatience()
        watch()
        continue
      }
      await pause(Math.max(0, Math.min(gapMs, held.validUntil - monotonic())))
      const now = held
      if (isClosed || now === undefined) continue
      const asked = monotonic()
      gapMs = times.renewMs
      try {
        const isExtended = await presence.extendSlot(now.lease, times.leaseMs)
        // R11: to us it runs still, so presence did not end it: it forgot, and everything else with it
        if (isExtended || (held === now && (await restore(now)))) {
          now.validUntil = asked + times.leaseMs - times.marginMs
          if (!isExtended && held === now) restored()
        } else if (held === now) await fence('the lease is another pod’s')
      } catch (error) {
        logger.warn({ what: 'slot.renewal-failed', holder: pod, error })
        gapMs = Math.min(times.renewMs, retryMs)
      }
    }
  }

  const restore = async ({ lease, validUntil }: Held): Promise<boolean> => {
    if (monotonic() >= validUntil) return false
    const isRestored = await presence.restoreSlot(lease, times.leaseMs)
    if (isRestored) logger.warn({ what: 'slot.restored', holder: pod, slot: lease.slot, epoch: lease.epoch })
    return isRestored
  }

  held = await takeWithPatience()
  watch()
  const keeping = keep()

  async function takeWithPatience(): Promise<Held | undefined> {
    while (!isClosed) {
      try {
        return await take()
      } catch (error) {
        logger.warn({ what: 'slot.waiting', holder: pod, error })
        await pause(times.renewMs)
      }
    }
    return undefined
  }

  const target = (connection: number): Target => ({
    slot: held?.lease.slot ?? 0,
    epoch: held?.lease.epoch ?? -1, // no epoch is -1: whatever it reaches is dropped
    connection,
  })

  return {
    target,
    isLeased: () => held !== undefined && monotonic() < held.validUntil,
    onEnvelopes: (handler) => {
      receive = handler
    },
    onFenced: (handler) => {
      fenced = handler
    },
    onRestored: (handler) => {
      restored = handler
    },
    ask: (key, call, timeoutMs) =>
      new Promise<AskResult>((resolve) => {
        if (held === undefined || questions.size >= maxQuestions) {
          resolve({ ok: false, error: 'unavailable' })
          return
        }
        const question = nextQuestion
        nextQuestion = (nextQuestion % 0x7fffffff) + 1
        const give = (result: AskResult): void => {
          questions.delete(question)
          clearTimeout(timer)
          resolve(result)
        }
        const timer = setTimeout(() => give({ ok: false, error: 'timeout' }), timeoutMs)
        questions.set(question, { resolve, timer })
        const envelope: Envelope = {
          kind: 'ask',
          key,
          atMs: ports.clock(),
          head: { call: jsonOf(call), reply: { to: 'pod', target: target(0), question } },
        }
        ports.publisher.publish('storage', envelope).catch((error: unknown) => {
          logger.warn({ what: 'question.refused', query: call.query, error })
          give({ ok: false, error: 'unavailable' })
        })
      }),
    close: async () => {
      isClosed = true
      clearTimeout(watcher)
      const last = held
      held = undefined
      for (const { resolve, timer } of questions.values()) {
        clearTimeout(timer)
        resolve({ ok: false, error: 'unavailable' })
      }
      questions.clear()
      if (last !== undefined) {
        await last.reader.close()
        await presence.releaseSlot(last.lease).catch((error: unknown) => logger.warn({ what: 'slot.release', error }))
      }
      wake()
      await keeping
    },
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      sleepers.add(done)
      function done(): void {
        clearTimeout(timer)
        sleepers.delete(done)
        resolve()
      }
    })
  }
  function wake(): void {
    for (const sleeper of sleepers) sleeper()
  }
}

/** A call as JSON: its arguments are JSON with bytes by their types. */
function jsonOf(call: QueryCall): Json {
  return call as unknown as Json
}

/** The epoch an envelope is for. */
function epochOf(envelope: Envelope): number | undefined {
  switch (envelope.kind) {
    case 'output':
    case 'outputBundle':
      return envelope.epoch
    case 'bound':
    case 'signal':
    case 'close':
    case 'answer':
      return envelope.target.epoch
    default:
      return undefined
  }
}
