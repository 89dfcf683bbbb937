import type { Worker } from 'node:worker_threads'
import { StorageError } from '@starling/core'
import type { StorageEvent } from '../queries/storage-event.ts'
import type { Answer, Call, Reply, Request } from './frame.ts'

/** Units: bytes of arguments that wait for the worker, at most; what comes then is refused with STORAGE_DOWN. */
export const MAX_QUEUED_BYTES = 64 * 1024 * 1024
/** Units: bytes of arguments in one transaction, at most (a single larger call excepted). */
export const MAX_GROUP_BYTES = 4 * 1024 * 1024

// Units: bytes that an argument weighs besides its own.
const argumentBytes = 64
const restartPauseMs = 500

interface Waiting {
  readonly request: { readonly do: 'migrate' } | { readonly do: 'run'; readonly calls: readonly Call[] }
  readonly bytes: number
  readonly resolve: (answers: readonly Answer[]) => void
  readonly reject: (error: StorageError) => void
}

/** What a lane needs from outside. */
export interface LaneOptions {
  readonly startWorker: () => Worker
  readonly onEvent: (event: StorageEvent) => void
}

/**
 * The way to the worker: one request is under way, and all that arrives meanwhile shares the next one, which is one
 * transaction and so one sync of the disk. A worker that ends unasked is replaced.
 * Order: first come, first served; what comes after sees what went before.
 */
export class Lane {
  readonly #options: LaneOptions
  #worker: Worker | undefined
  #queue: Waiting[] = []
  #underWay: readonly Waiting[] = []
  #queuedBytes = 0
  #isMigrated = false
  #isClosing = false
  #restart: NodeJS.Timeout | undefined
  #drained: (() => void) | undefined

  constructor(options: LaneOptions) {
    this.#options = options
  }

  /** Runs calls in one transaction (with others). Errors: rejects with STORAGE_DOWN if the worker ends or the queue is full. */
  run(calls: readonly Call[]): Promise<readonly Answer[]> {
    let bytes = 0
    for (const { args } of calls) bytes += args.bytes.byteLength + args.rowCount * argumentBytes
    return this.#submit({ do: 'run', calls }, bytes)
  }

  /** Brings the tables to the newest schema; resolves with one answer whose first count is the schema found. */
  async migrate(): Promise<readonly Answer[]> {
    const answers = await this.#submit({ do: 'migrate' }, argumentBytes)
    this.#isMigrated ||= answers[0]?.ok === true
    return answers
  }

  /** Lets all that waits end, then ends the worker. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    if (this.#underWay.length + this.#queue.length > 0) await new Promise<void>((done) => (this.#drained = done))
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    worker.ref()
    const ended = new Promise<void>((done) => worker.once('exit', () => done()))
    worker.postMessage({ do: 'close' } satisfies Request)
    await ended
  }

  #submit(request: Waiting['request'], bytes: number): Promise<readonly Answer[]> {
    if (this.#isClosing) return Promise.reject(new StorageError('STORAGE_DOWN', 'the storage is closed'))
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES && this.#queue.length > 0) {
      return Promise.reject(new StorageError('STORAGE_DOWN', 'too much waits for the database'))
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, bytes, resolve, reject })
      this.#queuedBytes += bytes
      // Once all that promises lead to now is done: calls made side by side share the waking of the thread
      if (this.#queue.length === 1 && this.#underWay.length === 0) process.nextTick(() => this.#pump())
    })
  }

  #pump(): void {
    const first = this.#queue[0]
    if (this.#underWay.length > 0 || this.#restart !== undefined || first === undefined) return
    const worker = this.#runningWorker()
    let count = 1
    let bytes = first.bytes
    const calls = first.request.do === 'run' ? [...first.request.calls] : []
    if (first.request.do === 'run') {
      for (let next = this.#queue[count]; next?.request.do === 'run'; next = this.#queue[count]) {
        if (bytes + next.bytes > MAX_GROUP_BYTES) break
        bytes += next.bytes
        calls.push(...next.request.calls)
        count += 1
      }
    }
    this.#underWay = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    this.#queuedBytes -= bytes
    const request: Request = first.request.do === 'run' ? { do: 'run', calls } : { do: 'migrate' }
    worker.ref()
    worker.postMessage(
      request,
      calls.flatMap(({ args }) => (args.bytes.byteLength > 0 ? [args.bytes.buffer] : [])),
    )
  }

  #runningWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = this.#options.startWorker()
    this.#worker = worker
    worker.on('message', (reply: Partial<Reply>) => {
      // `node --watch` puts messages of its own among ours
      if (reply.answers !== undefined) this.#settle(reply.answers)
    })
    // The error comes before the exit, which says all that matters here
    worker.on('error', () => undefined)
    worker.on('exit', (exitCode) => this.#ended(exitCode))
    return worker
  }

  #settle(answers: readonly Answer[]): void {
    const settled = this.#underWay
    this.#underWay = []
    let taken = 0
    for (const { request, resolve } of settled) {
      const count = request.do === 'run' ? request.calls.length : 1
      resolve(answers.slice(taken, taken + count))
      taken += count
    }
    if (this.#queue.length === 0) {
      this.#worker?.unref()
      this.#drained?.()
    } else this.#pump()
  }

  #ended(exitCode: number): void {
    this.#worker = undefined
    if (this.#isClosing && this.#underWay.length + this.#queue.length === 0) return
    this.#options.onEvent({ what: 'storage.workerEnded', exitCode })
    const lost = this.#underWay
    this.#underWay = []
    for (const { reject } of lost) reject(new StorageError('STORAGE_DOWN', `the database's thread ended (${exitCode})`))
    // A database in memory lost its tables with the thread
    if (this.#isMigrated) {
      const ignored = (): void => undefined
      this.#queue.unshift({ request: { do: 'migrate' }, bytes: 0, resolve: ignored, reject: ignored })
    }
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      this.#pump()
    }, restartPauseMs)
  }
}
