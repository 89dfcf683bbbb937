import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, unlink, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncFile } from './sync-file.ts'

/** One row of the journal: the changes of one transaction. */
export interface JournalRow {
  readonly seq: number
  readonly bytes: Uint8Array
}

/** What the segments are told. */
export interface SegmentsOptions {
  readonly folder: string
  /** Units: bytes after which the next row begins a new file. */
  readonly segmentBytes?: number
  /** For tests: a disk that is full, or slow. */
  readonly disk?: Disk
}

/** What is done to files. */
export interface Disk {
  /** Writes at a file's end; returns how many bytes it took. Errors: throws. */
  readonly write: (fd: number, bytes: Uint8Array) => number
  /** Resolves when all that was written to a file is on the disk. */
  readonly sync: (fd: number) => Promise<void>
}

/** Units: bytes left free at the beginning of a row's memory: its length, the checksum of what follows, its number. */
export const rowHeadBytes = 16

const defaultSegmentBytes = 4 * 1024 * 1024
const name = /^\d{16}\.rows$/
/** The system's. */
export const realDisk: Disk = { write: (fd, bytes) => writeSync(fd, bytes), sync: syncFile }

/**
 * Rows in files that are written at one end and removed at the other, each file named for its first row.
 * Shape: a row is u32 bytes of its changes, u32 CRC-32 of all behind it, f64 number, changes; numbers rise by one.
 * Errors: a row that could not be written is not there: reading ends at the first that is not whole, unless the next file goes on
 * with its number, as a file whose end is torn is never written to again.
 */
export class Segments {
  readonly #folder: string
  readonly #segmentBytes: number
  readonly #disk: Disk
  /** First rows of the files, ascending. */
  readonly #firsts: number[] = []
  #fd: number | undefined
  #size = 0
  /** Whether the disk knows the file by name. */
  #isListed = false
  #tidying: Promise<void> = Promise.resolve()
  #dropBelow = 0
  #isTidying = false

  /** Errors: throws when the folder cannot be made. */
  constructor({ folder, segmentBytes = defaultSegmentBytes, disk = realDisk }: SegmentsOptions) {
    this.#folder = folder
    this.#segmentBytes = segmentBytes
    this.#disk = disk
    mkdirSync(folder, { recursive: true })
  }

  /** Reads all rows there are; what is behind a loss is removed. Order: once, before anything is written. */
  *read(): Generator<JournalRow> {
    const firsts = readdirSync(this.#folder)
      .filter((file) => name.test(file))
      .map((file) => Number(file.slice(0, 16)))
      .sort((one, other) => one - other)
    let next: number | undefined
    for (const [index, first] of firsts.entries()) {
      if (next !== undefined && first !== next) {
        // A power cut took rows before these: the moment before it is what there was
        this.#remove(firsts.slice(index))
        return
      }
      this.#firsts.push(first)
      next = first
      for (const row of rowsOf(readFileSync(this.#file(first)), first)) {
        next = row.seq + 1
        yield row
      }
    }
  }

  /** Adds a row behind the last; the first `rowHeadBytes` of `bytes` are filled in. Errors: throws, and the row is not there. */
  write(seq: number, bytes: Buffer): void {
    bytes.writeUInt32BE(bytes.length - rowHeadBytes, 0)
    bytes.writeDoubleBE(seq, 8)
    bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
    if (this.#size >= this.#segmentBytes) this.#finish()
    const fd = this.#fd ?? this.#begin(seq)
    try {
      for (let written = 0; written < bytes.length; ) written += this.#disk.write(fd, bytes.subarray(written))
      this.#size += bytes.length
    } catch (error) {
      this.#finish() // its end may be torn
      throw error
    }
  }

  /** Resolves when all rows are on the disk. */
  async sync(): Promise<void> {
    await this.#tidying
    if (this.#fd === undefined) return
    await this.#disk.sync(this.#fd)
    if (this.#isListed) return
    // That there is such a file is the folder's to keep
    const folder = openSync(this.#folder, 'r')
    try {
      await this.#disk.sync(folder)
      this.#isListed = true
    } finally {
      closeSync(folder)
    }
  }

  /** Rows below `seq` are not needed any more: whole files of them go, once what took their place is on the disk. */
  drop(seq: number): void {
    this.#dropBelow = seq
    if (this.#isTidying || !this.#hasOld()) return
    this.#isTidying = true
    this.#tidying = this.sync()
      .then(() => this.#unlinkOld())
      .catch(() => undefined) // they stay a while longer; a disk that fails shows at the next write
      .finally(() => {
        this.#isTidying = false
      })
  }

  async close(): Promise<void> {
    await this.#tidying
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #begin(seq: number): number {
    // A file of that name holds nothing that counts: its first row was to be this one
    const fd = openSync(this.#file(seq), 'w')
    if (this.#firsts.at(-1) !== seq) this.#firsts.push(seq)
    this.#fd = fd
    this.#size = 0
    this.#isListed = false
    return fd
  }

  /** No more rows go to this file. */
  #finish(): void {
    const fd = this.#fd
    if (fd === undefined) return
    this.#fd = undefined
    this.#size = 0
    this.#tidying = Promise.all([this.#tidying, this.#disk.sync(fd).catch(() => undefined)]).then(() => closeSync(fd))
  }

  #hasOld(): boolean {
    const second = this.#firsts[1]
    return second !== undefined && second <= this.#dropBelow
  }

  /** Order: the oldest first, so that what is left is without a gap. */
  async #unlinkOld(): Promise<void> {
    while (this.#hasOld()) {
      const file = this.#file(this.#firsts[0] ?? 0)
      await new Promise<void>((resolve, reject) => unlink(file, (error) => (error ? reject(error) : resolve())))
      this.#firsts.shift()
    }
  }

  #remove(firsts: readonly number[]): void {
    for (const first of firsts.toReversed()) unlink(this.#file(first), () => undefined)
  }

  #file(first: number): string {
    return join(this.#folder, `${String(first).padStart(16, '0')}.rows`)
  }
}

/** The whole rows at the beginning of a file. */
function* rowsOf(file: Buffer, first: number): Generator<JournalRow> {
  let seq = first
  for (let at = 0; at + rowHeadBytes <= file.length; seq++) {
    const end = at + rowHeadBytes + file.readUInt32BE(at)
    if (end > file.length || file.readDoubleBE(at + 8) !== seq) return
    if (crc32(file.subarray(at + 8, end)) !== file.readUInt32BE(at + 4)) return
    yield { seq, bytes: file.subarray(at + rowHeadBytes, end) }
    at = end
  }
}
