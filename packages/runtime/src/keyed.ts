import type { Input, Log, LogBatch, Logger, LogReader, LogRecord, Metrics, Worker } from '@starling/core'
import { type CauseTable, causeTable, type InboxName, inboxes } from '@starling/wire'
import { decodeRecords } from './decode.ts'
import { createHop } from './hop.ts'
import type { Pace } from './pace.ts'
import type { Publisher } from './publisher.ts'
import type { RememberedStates } from './remembered-states.ts'
import { type Checked, type StatesPorts, statesCheck } from './states-check.ts'
import type { ProcessTracing } from './tracing/tracing.ts'

/** What running a worker needs. */
export interface KeyedPorts {
  readonly log: Log
  readonly publisher: Publisher
  readonly logger: Logger
  readonly metrics: Metrics
  /** Where the stage's states are, if it keeps any there; its name is their kind. */
  readonly presence?: StatesPorts['presence'] | undefined
  /** What the process remembers of those states; the worker reads and saves them by it. */
  readonly remembered?: Pick<RememberedStates, 'forget'> | undefined
  /** Units: ms between two notes of how far a partition's states reach (R11). */
  readonly noteMs?: number
  /** Units: ms. Missing: the process's own. */
  readonly monotonic?: () => number
  /** Where nobody waits for the answer, batches of that inbox may wait for company. */
  readonly paces?: Partial<Readonly<Record<InboxName, Pace>>>
  /** Missing where tracing is off. */
  readonly tracing?: ProcessTracing | undefined
}

/** A partition as its owner knows it. */
interface Owned extends Checked {
  /** Commit metadata as of the last commit: where a batch that failed begins again. */
  metadata: string
  /** What that metadata says; undefined while a batch is at work on it, and after one that failed. */
  table: CauseTable | undefined
  failures: number
  /** What the batch that failed had come to: all of it was published, and perhaps its states are gone (R11). */
  published: { readonly lastOffset: number; readonly table: CauseTable; areStatesGone: boolean } | undefined
}

/** Tries a batch gets when the worker itself (not the infrastructure) throws, before it is given up loudly. Units: tries. */
export const maxBatchTries = 8

// Units: ms
const defaultNoteMs = 1_000

/**
 * Runs a keyed worker as a member of its group: decode, drop duplicates by cause, work, publish, save, commit (R2, R3).
 * Errors: infrastructure away keeps a batch until it is back; a bug is logged and counted, and after `maxBatchTries` the
 * batch is given up so that one poisoned record cannot stop a partition for good.
 */
export async function runKeyed(
  name: string,
  consumes: readonly InboxName[],
  worker: Worker,
  ports: KeyedPorts,
): Promise<LogReader> {
  const { log, publisher, logger, metrics, tracing } = ports
  const inboxOf = new Map<string, InboxName>(consumes.map((inbox) => [inboxes[inbox].topic, inbox]))
  const owned = new Map<string, Owned>()
  const labels = ['stage', 'inbox']
  const handled = metrics.counter('starling_envelopes_total', 'Envelopes handled', labels)
  const dropped = metrics.counter('starling_duplicates_total', 'Envelopes dropped as duplicates by their cause', labels)
  const unread = metrics.counter('starling_unreadable_total', 'Envelopes no one here can read', labels)
  const failed = metrics.counter('starling_batch_failures_total', 'Batches that failed and were tried again', labels)
  const givenUp = metrics.counter('starling_batches_given_up_total', 'Batches given up after a bug', labels)
  const seconds = metrics.histogram(
    'starling_batch_seconds',
    'Time from a batch being read to its commit being due',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10],
    labels,
  )

  const hop = createHop(metrics)
  const { presence, remembered, noteMs = defaultNoteMs, monotonic = () => performance.now() } = ports
  const isStateful = presence !== undefined && (name === 'session' || name === 'routing')
  const states = isStateful ? statesCheck(name, { presence, log, logger, metrics, noteMs, monotonic }) : undefined

  const decode = (batch: LogBatch, inbox: InboxName, table: CauseTable): readonly Input[] => {
    const label = { stage: name, inbox }
    const placed = decodeRecords(batch.records, (offset, index, fault) => {
      unread.add(1, label)
      logger.error({ what: 'envelope.unreadable', inbox, partition: batch.partition, offset, index, fault })
    })
    const inputs: Input[] = []
    for (const { offset, index, envelope } of placed) {
      if (envelope.cause === undefined || table.accept(envelope.cause)) {
        inputs.push({ place: { inbox, partition: batch.partition, offset, index }, envelope })
      } else dropped.add(1, label)
    }
    handled.add(inputs.length, label)
    return inputs
  }

  /** Works a batch. Order: durable outputs, then the state (R3). */
  const settle = async (
    batch: LogBatch,
    table: CauseTable,
    { state, startedMs }: { readonly state: Owned; readonly startedMs: number },
  ): Promise<void> => {
    const { partition } = batch
    const inbox = inboxOf.get(batch.topic) as InboxName
    const inputs = decode(batch, inbox, table)
    const lastOffset = batch.records.at(-1)?.offset ?? -1
    if (inputs.length === 0) return
    const spans = tracing?.batch({ stage: name, inbox }, batch, inputs, startedMs)
    try {
      const traced = spans?.inputs ?? inputs
      const { forgotAtMs } = state
      const work = await worker.work({ inbox, partition, inputs: traced, lastOffset, forgotAtMs })
      spans?.phase('work')
      states?.assertSame(state)
      await publisher.publishWork(name, work.outputs)
      spans?.phase('publish')
      state.published = { lastOffset, table, areStatesGone: false }
      states?.assertSame(state)
      await work.save?.()
      states?.assertSame(state)
      spans?.phase('save')
      spans?.end()
    } catch (error) {
      spans?.end(error)
      throw error
    }
  }

  /** R11: what was worked before comes to the same; whom it concerned drops it by its cause. */
  const workAgain = async (
    { topic, partition }: LogBatch,
    records: readonly LogRecord[],
    metadata: string,
  ): Promise<string> => {
    const table = causeTable(metadata)
    const inbox = inboxOf.get(topic) as InboxName
    const inputs = decode({ topic, partition, records }, inbox, table)
    if (inputs.length > 0) {
      const lastOffset = records.at(-1)?.offset ?? -1
      const work = await worker.work({ inbox, partition, inputs, lastOffset })
      await publisher.publishWork(name, work.outputs)
      await work.save?.()
    }
    return table.encode()
  }

  const handle = async (batch: LogBatch): Promise<string> => {
    const inbox = inboxOf.get(batch.topic)
    const state = owned.get(`${batch.topic} ${batch.partition}`)
    if (inbox === undefined || state === undefined)
      throw new Error(`a batch of ${batch.topic}/${batch.partition}, which is not owned`)
    await ports.paces?.[inbox]?.begin()
    const label = { stage: name, inbox }
    const started = performance.now()
    hop(label, batch.records)
    // Anew from the last commit unless the batch before went well: one that failed must not count as seen
    let table = state.table ?? causeTable(state.metadata)
    state.table = undefined
    const lastOffset = batch.records.at(-1)?.offset ?? -1
    try {
      const found = await states?.ensure(state, batch, (records, metadata) => workAgain(batch, records, metadata))
      if (state.published?.lastOffset !== lastOffset) state.published = undefined
      if (state.published !== undefined && found === 'forgotten') state.published.areStatesGone = true
      if (state.published?.areStatesGone === true) {
        // R11: worked again on states that are gone, it would come to something else beside what everybody was told
        table = state.published.table
      } else await settle(batch, table, { state, startedMs: started })
      await states?.note(state, batch.partition, { next: lastOffset + 1, table })
    } catch (error) {
      failed.add(1, label)
      remembered?.forget()
      if (!isInfrastructure(error)) state.failures += 1
      logger.error({
        what: 'batch.failed',
        ...label,
        partition: batch.partition,
        lastOffset,
        tries: state.failures,
        error,
      })
      if (state.failures < maxBatchTries) throw error
      givenUp.add(1, label)
      logger.error({
        what: 'batch.given-up',
        ...label,
        partition: batch.partition,
        firstOffset: batch.records[0]?.offset,
        lastOffset,
      })
    }
    state.failures = 0
    state.published = undefined
    state.next = lastOffset + 1
    state.metadata = table.encode()
    state.table = table
    seconds.observe((performance.now() - started) / 1000, label)
    return state.metadata
  }

  return log.consume({
    group: `starling.${name}`,
    topics: consumes.map((inbox) => inboxes[inbox].topic),
    onAssigned: (topic, partition, committed) => {
      remembered?.forget()
      owned.set(`${topic} ${partition}`, {
        metadata: committed?.metadata ?? '',
        table: undefined,
        failures: 0,
        published: undefined,
        next: committed?.offset,
        connection: -1,
        forgotAtMs: 0,
        notedAtMs: Number.NEGATIVE_INFINITY,
      })
      const inbox = inboxOf.get(topic)
      if (inbox !== undefined) worker.assigned?.(inbox, partition)
    },
    onRevoked: (topic, partition) => {
      remembered?.forget()
      owned.delete(`${topic} ${partition}`)
      const inbox = inboxOf.get(topic)
      if (inbox !== undefined) worker.revoked?.(inbox, partition)
    },
    handle,
  })
}

/** Whether an error says that something outside is away, so that trying again is all there is to do. */
function isInfrastructure(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(LOG_FULL|LOG_FAILED|LOG_CLOSED|PRESENCE_DOWN|STORAGE_DOWN)$/.test(code)
}
