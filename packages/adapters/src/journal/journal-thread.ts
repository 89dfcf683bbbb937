import type { Worker } from 'node:worker_threads'
import type { Reply, Request } from './thread-words.ts'

/** What became of a request: the thread's answer, or that it ended and nobody knows. */
export type Outcome = Reply | { readonly kind: 'ended'; readonly exitCode: number }

/** The way to the journal's thread: one request at a time; a thread that ended is replaced at the next. */
export class JournalThread {
  readonly #start: () => Worker
  #worker: Worker | undefined
  #answer: ((outcome: Outcome) => void) | undefined

  constructor(start: () => Worker) {
    this.#start = start
  }

  /** Order: the caller waits for the answer before it asks again. The process is kept alive meanwhile. */
  ask(request: Request & { readonly do: 'read' | 'write' }): Promise<Outcome> {
    const worker = this.#running()
    worker.ref()
    return new Promise((resolve) => {
      this.#answer = (outcome) => {
        this.#answer = undefined
        this.#worker?.unref()
        resolve(outcome)
      }
      worker.postMessage(request, request.do === 'write' ? [request.bytes.buffer] : [])
    })
  }

  /** Ends the thread; the file is whole then. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    worker.ref()
    const ended = new Promise<void>((done) => worker.once('exit', () => done()))
    worker.postMessage({ do: 'close' } satisfies Request)
    await ended
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = this.#start()
    this.#worker = worker
    worker.on('message', (reply: Partial<Reply>) => {
      // `node --watch` puts messages of its own among ours
      if (reply.kind !== undefined) this.#answer?.(reply as Reply)
    })
    // The error comes before the exit, which says all that matters here
    worker.on('error', () => undefined)
    worker.on('exit', (exitCode) => {
      this.#worker = undefined
      this.#answer?.({ kind: 'ended', exitCode })
    })
    return worker
  }
}
