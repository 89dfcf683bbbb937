import { Buffer } from 'node:buffer'

const minCapacityBytes = 256
const roomyBytes = 4096
const wasteFactor = 4
const nothing: Uint8Array = new Uint8Array(0)

/**
 * The bytes a gate has been given and not finished with: a view of the chunk while one chunk is enough, else a
 * growing buffer of its own.
 * Units: its memory is at most twice what is held plus one chunk; nothing while idle.
 */
export class Pending {
  buffer: Uint8Array = nothing
  /** First byte held. */
  base = 0
  /** After the last byte held. */
  end = 0

  get size(): number {
    return this.end - this.base
  }

  /** Takes a chunk in behind what is held. Order: offsets into `buffer` hold no longer if `base` comes back changed. */
  append(chunk: Uint8Array): void {
    const held = this.size
    if (held === 0) {
      this.buffer = chunk
      this.base = 0
      this.end = chunk.length
      return
    }
    const need = held + chunk.length
    // a chunk is full to its end: only a buffer of its own is ever written to
    if (this.end + chunk.length > this.buffer.length) {
      // doubling where many small chunks make one element keeps the copying linear
      this.#move(Math.max(minCapacityBytes, held > chunk.length ? 2 * need : need))
    }
    this.buffer.set(chunk, this.end)
    this.end += chunk.length
  }

  /** Lets go of what is no longer needed after a push. Order: as for `append`. */
  settle(): void {
    if (this.size === 0) this.clear()
    else if (this.buffer.length > roomyBytes && this.size * wasteFactor < this.buffer.length) {
      this.#move(Math.max(minCapacityBytes, this.size))
    }
  }

  clear(): void {
    this.buffer = nothing
    this.base = 0
    this.end = 0
  }

  #move(capacity: number): void {
    const moved = Buffer.allocUnsafe(capacity)
    moved.set(this.buffer.subarray(this.base, this.end))
    this.end = this.size
    this.base = 0
    this.buffer = moved
  }
}
