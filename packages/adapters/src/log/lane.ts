import { LogError, type Produced } from '@starling/core'
import { packedBytes, packRecord } from '@starling/wire'

/** One record about to be appended; a request holds at most one a partition. */
export interface LaneRecord {
  readonly topic: string
  readonly partition: number
  readonly value: Uint8Array
}

/** What became of one record of a request. */
export type LaneOutcome =
  | { readonly ok: true; readonly offset: number }
  | { readonly ok: false; readonly error: LogError }

/** What a lane needs of the log behind it. */
export interface LaneOptions {
  /** Units: bytes of envelopes waiting or in flight; above it produce rejects LOG_FULL. */
  readonly maxPendingBytes: number
  /** Units: bytes of one packed record; an envelope that does not fit alone is refused. */
  readonly maxRecordBytes: number
  /** Units: ms a produce may take from call to answer; Infinity arms no timer. */
  readonly timeoutMs: number
  /** Runs the next request soon; what arrives until then rides along. */
  readonly schedule: (run: () => void) => void
  /** Appends one request. Order: outcomes as the records. Errors: a rejection fails every record of the request. */
  readonly send: (records: readonly LaneRecord[]) => Promise<readonly LaneOutcome[]>
}

/** Natural batching: one request in flight, what arrives meanwhile goes in the next, one record a partition. */
export interface Lane {
  readonly produce: (topic: string, partition: number, envelopes: readonly Uint8Array[]) => Promise<Produced>
  /** Units: bytes handed in and not yet answered by the log. */
  readonly pendingBytes: () => number
  /** Refuses what comes from now on (LOG_CLOSED) and resolves when what came before is answered. */
  readonly close: () => Promise<void>
}

/** One call of produce on its way. */
interface Entry {
  readonly envelopes: readonly Uint8Array[]
  readonly bytes: number
  /** Units: ms of the process's monotonic clock. */
  readonly deadline: number
  readonly resolve: (produced: Produced) => void
  readonly reject: (error: LogError) => void
  /** Index of the first envelope that is in no request yet. */
  next: number
  offset: number | undefined
  isSettled: boolean
  isInFlight: boolean
}

interface Queue {
  readonly topic: string
  readonly partition: number
  readonly entries: Entry[]
  isListed: boolean
}

/** Makes a lane. Order: envelopes of one partition are appended in the order of the calls. */
export function lane(options: LaneOptions): Lane {
  const { maxPendingBytes, maxRecordBytes, timeoutMs, schedule, send } = options
  const queues = new Map<string, Map<number, Queue>>()
  const tickMs = Math.max(10, Math.min(1000, timeoutMs / 4))
  let listed: Queue[] = []
  let riders: Entry[][] = []
  let pendingBytes = 0
  let isBusy = false
  let isClosed = false
  let sweeper: NodeJS.Timeout | undefined
  const closers: (() => void)[] = []

  function queueOf(topic: string, partition: number): Queue {
    const topicQueues = queues.get(topic) ?? new Map<number, Queue>()
    queues.set(topic, topicQueues)
    const queue = topicQueues.get(partition) ?? { topic, partition, entries: [], isListed: false }
    topicQueues.set(partition, queue)
    return queue
  }

  function produce(topic: string, partition: number, envelopes: readonly Uint8Array[]): Promise<Produced> {
    if (isClosed) return Promise.reject(new LogError('LOG_CLOSED', 'the log is closed'))
    let bytes = 0
    for (const envelope of envelopes) {
      if (packedBytes(0, envelope.length) > maxRecordBytes) {
        return Promise.reject(new LogError('LOG_FAILED', `an envelope of ${envelope.length} bytes fits no record`))
      }
      bytes += envelope.length + 4
    }
    if (pendingBytes + bytes > maxPendingBytes) {
      return Promise.reject(new LogError('LOG_FULL', `more than ${maxPendingBytes} bytes wait for the log`))
    }
    pendingBytes += bytes
    return new Promise((resolve, reject) => {
      const deadline = timeoutMs === Infinity ? Infinity : performance.now() + timeoutMs
      const entry: Entry = {
        envelopes,
        bytes,
        deadline,
        resolve,
        reject,
        next: 0,
        offset: undefined,
        isSettled: false,
        isInFlight: false,
      }
      const queue = queueOf(topic, partition)
      queue.entries.push(entry)
      if (!queue.isListed) {
        queue.isListed = true
        listed.push(queue)
      }
      if (isBusy) return
      isBusy = true
      if (timeoutMs !== Infinity && sweeper === undefined) armSweeper()
      schedule(flush)
    })
  }

  /** Takes one record's worth off a queue. */
  function take(queue: Queue): { envelopes: Uint8Array[]; entries: Entry[] } {
    const envelopes: Uint8Array[] = []
    const entries: Entry[] = []
    let size = 0
    let consumed = 0
    for (const entry of queue.entries) {
      if (!entry.isSettled) {
        const first = entry.next
        while (entry.next < entry.envelopes.length) {
          const envelope = entry.envelopes[entry.next] as Uint8Array
          const grown = packedBytes(size, envelope.length)
          if (grown > maxRecordBytes) break
          size = grown
          envelopes.push(envelope)
          entry.next++
        }
        // an entry without envelopes still asks for an offset, so it rides in the record that is being made
        if (entry.next > first || entry.envelopes.length === 0) {
          entry.isInFlight = true
          entries.push(entry)
        }
        if (entry.next < entry.envelopes.length) break
      }
      consumed++
    }
    queue.entries.splice(0, consumed)
    return { envelopes, entries }
  }

  function flush(): void {
    const records: LaneRecord[] = []
    riders = []
    const taken = listed
    listed = []
    for (const queue of taken) {
      const { envelopes, entries } = take(queue)
      if (entries.length > 0) {
        records.push({ topic: queue.topic, partition: queue.partition, value: packRecord(envelopes) })
        riders.push(entries)
      }
      queue.isListed = queue.entries.length > 0
      if (queue.isListed) listed.push(queue)
    }
    if (records.length === 0) {
      next()
      return
    }
    let sent: Promise<readonly LaneOutcome[]>
    try {
      sent = send(records)
    } catch (error) {
      sent = Promise.reject(error)
    }
    sent.then(
      (outcomes) => {
        for (let i = 0; i < riders.length; i++) land(riders[i] as Entry[], outcomes[i])
        next()
      },
      (error: unknown) => {
        const failure = error instanceof LogError ? error : new LogError('LOG_FAILED', 'the log refused', error)
        for (const entries of riders) land(entries, { ok: false, error: failure })
        next()
      },
    )
  }

  function land(entries: readonly Entry[], outcome: LaneOutcome | undefined): void {
    for (const entry of entries) {
      entry.isInFlight = false
      if (entry.isSettled) {
        pendingBytes -= entry.bytes // its caller was told of the timeout already
      } else if (outcome === undefined || !outcome.ok) {
        settle(entry, outcome?.error ?? new LogError('LOG_FAILED', 'the log gave no answer for a partition'))
      } else {
        entry.offset ??= outcome.offset
        if (entry.next === entry.envelopes.length) settle(entry, undefined)
      }
    }
  }

  function settle(entry: Entry, error: LogError | undefined): void {
    entry.isSettled = true
    if (!entry.isInFlight) pendingBytes -= entry.bytes
    if (error !== undefined) entry.reject(error)
    else entry.resolve({ offset: entry.offset ?? -1 })
  }

  function next(): void {
    riders = []
    if (listed.length > 0) {
      schedule(flush)
      return
    }
    isBusy = false
    for (const done of closers.splice(0)) done()
  }

  function armSweeper(): void {
    sweeper = setTimeout(sweep, tickMs)
    sweeper.unref()
  }

  /** Rejects what is past its deadline; runs only while something is on its way. */
  function sweep(): void {
    sweeper = undefined
    if (!isBusy) return
    const now = performance.now()
    for (const entries of riders) expire(entries, now)
    for (const queue of listed) expire(queue.entries, now)
    armSweeper()
  }

  function expire(entries: readonly Entry[], now: number): void {
    for (const entry of entries) {
      if (entry.isSettled) continue
      if (entry.deadline > now) return // entries of one partition stand in the order of their deadlines
      settle(entry, new LogError('LOG_FAILED', `the log did not answer within ${timeoutMs} ms`))
    }
  }

  function close(): Promise<void> {
    isClosed = true
    if (!isBusy) {
      clearTimeout(sweeper)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      closers.push(() => {
        clearTimeout(sweeper)
        resolve()
      })
    })
  }

  return { produce, pendingBytes: () => pendingBytes, close }
}
