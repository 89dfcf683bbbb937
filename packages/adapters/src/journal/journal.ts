import { ByteReader } from './byte-reader.ts'
import { ByteWriter, type Encode } from './byte-writer.ts'
import { lockFolder } from './folder-lock.ts'
import { LiveEntries } from './live-entries.ts'
import { readOldJournal, removeOldJournal } from './old-journal.ts'
import { rowHeadBytes, Segments, type SegmentsOptions } from './segments.ts'

/** How far a commit reaches: what it survives once it resolved. */
export type Durability = 'process' | 'power'

/** What a journal may be told. */
export interface JournalOptions extends SegmentsOptions {
  readonly durability: Durability
  /** Where an earlier version kept it; taken over and removed at the first start. */
  readonly oldFile?: string
  /** Told what happened, for logs and metrics. */
  readonly onEvent?: (what: string, detail: Readonly<Record<string, unknown>>) => void
  /** Units: ms that another process is waited for that has the folder. */
  readonly busyMs?: number
  /** Units: ms after which what nobody waits for is written, and after which a failed write is tried again. */
  readonly lazyMs?: number
  readonly retryMs?: number
  /** Units: bytes of rows the files may hold beside twice what is still needed. */
  readonly slackBytes?: number
  /** Units: bytes of rows that are dropped at once, at least. */
  readonly dropBytes?: number
}

/**
 * A write that failed: the disk is full, the folder is gone. Nothing of the transaction is kept; where it was the disk's own sync that
 * failed, nobody knows until the next write, which takes it back.
 */
export class JournalError extends Error {
  override readonly name = 'JournalError'
  readonly code = 'JOURNAL_FAILED'
}

/** Units: bytes of old rows' values written again in one transaction, at most. */
const carriedBytes = 256 * 1024
const defaultDropBytes = 1024 * 1024
const defaultSlackBytes = 8 * 1024 * 1024

/**
 * Keys and their newest values, durable: all that changes until a transaction is made goes into it, as one row.
 * Rows are only added in front and dropped behind; what an old row still holds alone is written again before it goes.
 * A row is written in the calling thread: handing some hundred bytes to the system costs a tenth of waking another thread.
 * Order: a transaction is written after those before it, whole or not at all, so after a kill the files show one moment.
 * Errors: a write that fails is tried again with what was put since; those who wait for it are told.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #segments: Segments
  readonly #lock: { readonly release: () => void }
  readonly #live = new LiveEntries()
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: JournalError) => void }[] = []
  /** What the files held at the start and nobody has taken yet. */
  #loaded = new Map<string, Uint8Array>()
  /** What the next transaction changes; undefined: the key goes. */
  #dirty = new Map<string, Encode | undefined>()
  /** A disk's sync is waited for. */
  #isFlying = false
  /** Keys that were forgotten meanwhile. */
  readonly #forgotten = new Set<string>()
  readonly #writer = new ByteWriter()
  #seq = 0
  #unchecked = 0
  #timer: NodeJS.Timeout | undefined
  #isScheduled = false
  #isUp = true
  #isClosed = false

  private constructor(options: JournalOptions) {
    this.#options = options
    this.#segments = new Segments(options)
    this.#lock = lockFolder(options.folder, options.busyMs)
  }

  /** Opens the folder, making it if there is none, and reads what it holds. Errors: rejects when it cannot be used. */
  static async open(options: JournalOptions): Promise<Journal> {
    try {
      const journal = new Journal(options)
      try {
        await journal.#load()
      } catch (error) {
        journal.#lock.release()
        throw error
      }
      return journal
    } catch (error) {
      throw new JournalError(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  /** What the files held at the start under keys that begin so; the caller puts or adopts what it still wants. */
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
    if (this.#live.has(key)) {
      this.#dirty.set(key, undefined)
      this.#lazily()
    } else this.#dirty.delete(key)
  }

  /** Forgets a key of which something else in the journal says that it is over; nothing is written. */
  forget(key: string): void {
    this.#live.delete(key)
    this.#dirty.delete(key)
    if (this.#isFlying) this.#forgotten.add(key)
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

  /** Writes what is left, then lets the folder go. Errors: rejects when it could not be written. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (this.#isFlying || this.#dirty.size > 0) await this.commit()
    } finally {
      this.#isClosed = true
      clearTimeout(this.#timer)
      await this.#segments.close()
      this.#lock.release()
    }
  }

  async #load(): Promise<void> {
    for (const { seq, bytes } of this.#segments.read()) this.#loadRow(seq, bytes)
    const { oldFile } = this.#options
    if (oldFile === undefined) return
    if (this.#seq === 0) {
      for (const bytes of readOldJournal(oldFile)) {
        const row = Buffer.concat([Buffer.alloc(rowHeadBytes), bytes])
        this.#segments.write(this.#seq + 1, row)
        this.#loadRow(this.#seq + 1, bytes)
      }
      await this.#segments.sync()
    }
    removeOldJournal(oldFile)
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

  /** The timer goes on when something else writes meanwhile: setting one anew for every row costs more than a row in vain. */
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
    if (this.#isScheduled || this.#isFlying || !this.#isUp) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#isFlying || this.#isClosed) return
    const waiting = this.#waiting.splice(0)
    if (this.#dirty.size === 0) {
      for (const { resolve } of waiting) resolve()
      return
    }
    this.#carry()
    const changes = this.#dirty
    this.#dirty = new Map()
    const sizes = this.#encode(changes)
    const row = this.#writer.written()
    const seq = this.#seq + 1
    try {
      this.#segments.write(seq, row)
    } catch (error) {
      this.#failed(error, changes, waiting)
      return
    }
    this.#seq = seq
    this.#written(row.length, changes, sizes)
    if (this.#options.durability === 'process') {
      this.#landed(waiting)
      return
    }
    this.#isFlying = true
    this.#segments.sync().then(
      () => {
        this.#isFlying = false
        this.#forgotten.clear()
        this.#landed(waiting)
      },
      (error: unknown) => {
        this.#isFlying = false
        for (const key of this.#forgotten) changes.delete(key)
        this.#forgotten.clear()
        this.#failed(error, changes, waiting)
      },
    )
  }

  #encode(changes: ReadonlyMap<string, Encode | undefined>): readonly number[] {
    const writer = this.#writer
    writer.restart(rowHeadBytes)
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
    return sizes
  }

  #written(length: number, changes: ReadonlyMap<string, Encode | undefined>, sizes: readonly number[]): void {
    const seq = this.#seq
    this.#live.addRow(seq, length)
    let at = 0
    for (const [key, encode] of changes) {
      if (encode === undefined) this.#live.delete(key)
      else this.#live.set(key, { seq, bytes: sizes[at++] ?? 0, encode })
    }
    const dropBelow = this.#dropBelow(length)
    if (dropBelow !== undefined) this.#segments.drop(dropBelow)
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
    cause: unknown,
    changes: ReadonlyMap<string, Encode | undefined>,
    waiting: readonly { readonly reject: (error: JournalError) => void }[],
  ): void {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (this.#isUp) this.#options.onEvent?.('journal.down', { message })
    this.#isUp = false
    for (const [key, encode] of changes) {
      if (!this.#dirty.has(key)) this.#dirty.set(key, encode)
    }
    const error = new JournalError(message, { cause })
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
