import { Worker } from 'node:worker_threads'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter, type Encode } from './byte-writer.ts'
import { JournalThread, type Outcome } from './journal-thread.ts'
import { LiveEntries } from './live-entries.ts'
import type { ThreadData } from './thread-words.ts'

/** What a journal may be told. */
export interface JournalOptions extends ThreadData {
  /** Told what happened, for logs and metrics. */
  readonly onEvent?: (what: string, detail: Readonly<Record<string, unknown>>) => void
  /** For tests: starts the thread that holds the file. */
  readonly startWorker?: (data: ThreadData) => Worker
  /** Units: ms after which what nobody waits for is written, and after which a failed write is tried again. */
  readonly lazyMs?: number
  readonly retryMs?: number
  /** Units: bytes of rows the file may hold beside twice what is still needed. */
  readonly slackBytes?: number
  /** Units: bytes of rows that are dropped at once, at least. */
  readonly dropBytes?: number
}

/** A write that failed: the disk is full, the file is gone. Nothing of the transaction is kept, unless the thread itself ended. */
export class JournalError extends Error {
  override readonly name = 'JournalError'
  readonly code = 'JOURNAL_FAILED'
}

/** Units: bytes of old rows' values written again in one transaction, at most. */
const carriedBytes = 256 * 1024
const defaultDropBytes = 1024 * 1024
const defaultSlackBytes = 8 * 1024 * 1024

/**
 * Keys and their newest values, durable: all that changes while one transaction is written goes in the next, as one row.
 * Rows are only added in front and dropped behind; what an old row still holds alone is written again before it goes.
 * Order: a transaction is written after those before it, whole or not at all, so after a kill the file shows one moment.
 * Errors: a write that fails is tried again with what was put since; those who wait for it are told.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #thread: JournalThread
  readonly #live = new LiveEntries()
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: JournalError) => void }[] = []
  /** What the file held at the start and nobody has taken yet. */
  #loaded = new Map<string, Uint8Array>()
  /** What the next transaction changes; undefined: the key goes. */
  #dirty = new Map<string, Encode | undefined>()
  #flying: ReadonlyMap<string, Encode | undefined> | undefined
  /** Keys of the transaction under way that were forgotten meanwhile. */
  readonly #forgotten = new Set<string>()
  #spare: Uint8Array<ArrayBuffer> | undefined
  #seq = 0
  #unchecked = 0
  #timer: NodeJS.Timeout | undefined
  #isScheduled = false
  #isUp = true
  #isClosed = false

  private constructor(options: JournalOptions) {
    this.#options = options
    const { file, durability, maxPages, busyMs, startWorker = startFileWorker } = options
    const data: ThreadData = {
      file,
      durability,
      ...(maxPages === undefined ? {} : { maxPages }),
      ...(busyMs === undefined ? {} : { busyMs }),
    }
    this.#thread = new JournalThread(() => startWorker(data))
  }

  /** Opens the file, making it if there is none, and reads what it holds. Errors: rejects when it cannot be used. */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options)
    try {
      await journal.#load()
    } catch (error) {
      await journal.#thread.close()
      throw error
    }
    return journal
  }

  /** What the file held at the start under keys that begin so; the caller puts or adopts what it still wants. */
  *loaded(prefix: string): Generator<readonly [string, Uint8Array]> {
    for (const entry of this.#loaded) if (entry[0].startsWith(prefix)) yield entry
  }

  /** Says that a loaded value is still so, and how to write it again. */
  adopt(key: string, encode: Encode): void {
    this.#live.adopt(key, encode)
    this.#loaded.delete(key)
  }

  /** Drops what nobody adopted. Order: once, after everybody has taken what is theirs. */
  started(): void {
    for (const key of this.#loaded.keys()) if (!this.#dirty.has(key)) this.drop(key)
    this.#loaded = new Map()
  }

  /** Changes a key; `encode` is called when the transaction is made and, should the row become old, again later. */
  put(key: string, encode: Encode): void {
    this.#dirty.set(key, encode)
    this.#lazily()
  }

  /** Forgets a key. */
  drop(key: string): void {
    if (this.#live.has(key) || this.#flying?.has(key) === true) {
      this.#dirty.set(key, undefined)
      this.#lazily()
    } else this.#dirty.delete(key)
  }

  /** Forgets a key of which something else in the journal says that it is over; nothing is written. */
  forget(key: string): void {
    this.#live.delete(key)
    this.#dirty.delete(key)
    if (this.#flying?.has(key) === true) this.#forgotten.add(key)
  }

  /** Resolves when all that was put and dropped until now is durable. Errors: rejects with a JournalError. */
  commit(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new JournalError('the journal is closed'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#soon()
    })
  }

  /** A number that grows with every transaction, over restarts too. */
  position(): number {
    return this.#seq
  }

  isUp(): boolean {
    return this.#isUp
  }

  /** Writes what is left, then ends the thread. Errors: rejects when it could not be written. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (this.#flying !== undefined || this.#dirty.size > 0) await this.commit()
    } finally {
      this.#isClosed = true
      clearTimeout(this.#timer)
      await this.#thread.close()
    }
  }

  async #load(): Promise<void> {
    for (;;) {
      const outcome = await this.#thread.ask({ do: 'read', after: this.#seq })
      if (outcome.kind !== 'rows') throw new JournalError(wordsOf(outcome))
      if (outcome.rows.length === 0) return
      for (const { seq, bytes } of outcome.rows) this.#loadRow(seq, bytes)
    }
  }

  #loadRow(seq: number, bytes: Uint8Array): void {
    this.#seq = seq
    this.#live.addRow(seq, bytes.length)
    const reader = new ByteReader(bytes)
    while (!reader.isAtEnd) {
      const isThere = reader.count() === 1
      const key = reader.text()
      this.#loaded.delete(key)
      if (isThere) {
        const value = reader.bytes()
        this.#loaded.set(key, value)
        this.#live.set(key, { seq, bytes: value.length + key.length, encode: (writer) => writer.raw(value) })
      } else this.#live.delete(key)
    }
  }

  #lazily(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#write()
    }, this.#options.lazyMs ?? 100)
    this.#timer.unref()
  }

  /** At the end of this turn: what is put until then rides along. */
  #soon(): void {
    if (this.#isScheduled || this.#flying !== undefined || !this.#isUp) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#flying !== undefined || this.#isClosed) return
    const waiting = this.#waiting.splice(0)
    if (this.#dirty.size === 0) {
      for (const { resolve } of waiting) resolve()
      return
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#carry()
    const changes = this.#dirty
    this.#dirty = new Map()
    this.#flying = changes
    const seq = ++this.#seq
    const { writer, sizes } = this.#encoded(changes)
    const bytes = writer.written()
    const length = bytes.length
    this.#thread.ask({ do: 'write', seq, bytes, dropBelow: this.#dropBelow(length) }).then((outcome) => {
      this.#flying = undefined
      if (outcome.kind === 'written' || outcome.kind === 'failed') this.#spare = reusable(outcome.buffer)
      // A thread that ended may have written it first
      if (outcome.kind !== 'failed') this.#written(seq, length, { changes, sizes })
      for (const key of this.#forgotten) {
        this.#live.delete(key)
        changes.delete(key)
      }
      this.#forgotten.clear()
      if (outcome.kind === 'written') this.#landed(waiting)
      else this.#failed(wordsOf(outcome), changes, waiting)
    })
  }

  #encoded(changes: ReadonlyMap<string, Encode | undefined>): { writer: ByteWriter; sizes: number[] } {
    const writer = new ByteWriter(this.#spare)
    this.#spare = undefined
    const sizes: number[] = []
    for (const [key, encode] of changes) {
      writer.count(encode === undefined ? 0 : 1)
      writer.text(key)
      if (encode === undefined) continue
      const start = writer.open()
      encode(writer)
      writer.close(start)
      sizes.push(writer.length - start + key.length)
    }
    return { writer, sizes }
  }

  #written(
    seq: number,
    length: number,
    { changes, sizes }: { changes: ReadonlyMap<string, Encode | undefined>; sizes: readonly number[] },
  ): void {
    this.#live.addRow(seq, length)
    let at = 0
    for (const [key, encode] of changes) {
      if (encode === undefined) this.#live.delete(key)
      else this.#live.set(key, { seq, bytes: sizes[at++] ?? 0, encode })
    }
  }

  #landed(waiting: readonly { readonly resolve: () => void }[]): void {
    if (!this.#isUp) {
      this.#isUp = true
      this.#options.onEvent?.('journal.up', {})
    }
    for (const { resolve } of waiting) resolve()
    if (this.#waiting.length > 0) this.#soon()
    else if (this.#dirty.size > 0) this.#lazily()
  }

  #failed(
    message: string,
    changes: ReadonlyMap<string, Encode | undefined>,
    waiting: readonly { readonly reject: (error: JournalError) => void }[],
  ): void {
    if (this.#isUp) this.#options.onEvent?.('journal.down', { message })
    this.#isUp = false
    for (const [key, encode] of changes) {
      if (!this.#dirty.has(key)) this.#dirty.set(key, encode)
    }
    const error = new JournalError(message)
    for (const { reject } of waiting) reject(error)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#write()
    }, this.#options.retryMs ?? 500)
    this.#timer.unref()
  }

  /** Writes the values of the oldest rows again when the file holds much more than is needed. */
  #carry(): void {
    const { slackBytes = defaultSlackBytes } = this.#options
    if (this.#live.fileBytes <= 2 * this.#live.liveBytes + slackBytes) return
    for (const [key, encode] of this.#live.oldest(carriedBytes)) {
      if (!this.#dirty.has(key)) this.#dirty.set(key, encode)
    }
  }

  #dropBelow(length: number): number | undefined {
    const { dropBytes = defaultDropBytes } = this.#options
    this.#unchecked += length
    if (this.#unchecked < dropBytes) return undefined
    this.#unchecked = 0
    return this.#live.dropRows(dropBytes)
  }
}

function wordsOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'failed':
      return outcome.message
    case 'ended':
      return `the journal's thread ended (${outcome.exitCode})`
    case 'rows':
    case 'written':
      return 'the journal gave an answer to another question'
    default:
      return outcome satisfies never
  }
}

/** Units: bytes of a buffer worth keeping for the next transaction. */
const maxSpareBytes = 4 * 1024 * 1024

function reusable(buffer: ArrayBuffer | undefined): Uint8Array<ArrayBuffer> | undefined {
  return buffer === undefined || buffer.byteLength > maxSpareBytes ? undefined : new Uint8Array(buffer)
}

function startFileWorker(data: ThreadData): Worker {
  // No flags of the parent (test runner, inspector): the thread has nothing to do with them
  return new Worker(new URL('./journal-worker.ts', import.meta.url), {
    workerData: data,
    execArgv: [],
    name: 'journal',
  })
}
