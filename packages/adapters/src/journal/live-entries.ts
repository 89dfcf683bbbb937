import type { Encode } from './byte-writer.ts'

interface Live {
  readonly seq: number
  readonly bytes: number
  readonly encode: Encode
}

/** Which row holds the newest value of each key, and how much of the file that is. */
export class LiveEntries {
  /** Order: the one written longest ago first. */
  readonly #entries = new Map<string, Live>()
  /** Rows of the file from the oldest on. */
  #rows: { readonly seq: number; readonly bytes: number }[] = []
  #liveBytes = 0
  #fileBytes = 0

  /** Units: bytes of the newest values. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** Units: bytes of all rows. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  addRow(seq: number, bytes: number): void {
    this.#rows.push({ seq, bytes })
    this.#fileBytes += bytes
  }

  set(key: string, live: Live): void {
    this.delete(key)
    this.#entries.set(key, live)
    this.#liveBytes += live.bytes
  }

  delete(key: string): void {
    const old = this.#entries.get(key)
    if (old === undefined) return
    this.#entries.delete(key)
    this.#liveBytes -= old.bytes
  }

  /** The same value in the same row, encoded by another from now on. */
  adopt(key: string, encode: Encode): void {
    const old = this.#entries.get(key)
    // Map.set keeps a known key's place
    if (old !== undefined) this.#entries.set(key, { ...old, encode })
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys()
  }

  /** Those written longest ago, up to so many bytes. */
  oldest(maxBytes: number): readonly (readonly [string, Encode])[] {
    const some: (readonly [string, Encode])[] = []
    let bytes = 0
    for (const [key, live] of this.#entries) {
      if (bytes >= maxBytes) break
      bytes += live.bytes
      some.push([key, live.encode])
    }
    return some
  }

  /** Forgets the rows in front that hold nothing any more, if they are `minBytes` together; returns where those end. */
  dropRows(minBytes: number): number | undefined {
    const oldest = this.#entries.values().next().value?.seq ?? Number.POSITIVE_INFINITY
    let count = 0
    let bytes = 0
    for (const row of this.#rows) {
      if (row.seq >= oldest) break
      count++
      bytes += row.bytes
    }
    if (bytes < minBytes) return undefined
    const before = this.#rows[count]?.seq ?? (this.#rows[count - 1]?.seq ?? 0) + 1
    this.#rows = this.#rows.slice(count)
    this.#fileBytes -= bytes
    return before
  }
}
