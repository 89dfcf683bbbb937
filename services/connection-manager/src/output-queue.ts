/**
 * Bytes on their way to one socket: what was queued and what the socket has not yet taken.
 * Units: bytes. Above `maxBytes` nothing more is accepted; the caller ends the connection.
 */
export class OutputQueue {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #isCut = false
  #queuedBytes = 0
  #takenBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Everything not yet written. */
  get bytes(): number {
    return this.#queuedBytes + this.#takenBytes
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  /** Whether the socket has not yet taken the last piece. */
  get isTaken(): boolean {
    return this.#takenBytes > 0
  }

  /** Queues; false when the limit is passed, and then nothing was queued. */
  add(chunk: Uint8Array): boolean {
    if (this.bytes + chunk.length > this.#maxBytes) return false
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    return true
  }

  /** Queues whatever the limit says: the last words of a stream. */
  addLast(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
  }

  /** The next piece of at most `maxBytes`, chunks joined and cut as needed; call `settle` when it is written. */
  takePiece(maxBytes: number): Uint8Array {
    const chunks = this.#chunks
    const first = chunks[0] ?? new Uint8Array()
    if (first.length > maxBytes) {
      chunks[0] = first.subarray(maxBytes)
      this.#isCut = true
      return this.#took(first.subarray(0, maxBytes))
    }
    this.#isCut = false
    let count = 0
    let size = 0
    while (count < chunks.length && size + (chunks[count] as Uint8Array).length <= maxBytes) {
      size += (chunks[count] as Uint8Array).length
      count++
    }
    const taken = count === chunks.length ? chunks : chunks.slice(0, count)
    this.#chunks = count === chunks.length ? [] : chunks.slice(count)
    return this.#took(taken.length === 1 ? first : Buffer.concat(taken, size))
  }

  /** The next whole chunks, at least one, of about `maxBytes`: for framings that keep them apart. */
  takeChunks(maxBytes: number): readonly Uint8Array[] {
    let count = 0
    let size = 0
    while (
      count < this.#chunks.length &&
      (count === 0 || size + (this.#chunks[count] as Uint8Array).length <= maxBytes)
    ) {
      size += (this.#chunks[count] as Uint8Array).length
      count++
    }
    const taken = this.#chunks.slice(0, count)
    this.#chunks = this.#chunks.slice(count)
    this.#queuedBytes -= size
    this.#takenBytes += size
    return taken
  }

  /** The socket took the piece. */
  settle(): void {
    this.#takenBytes = 0
  }

  /** Forgets what was not begun: a chunk of which a part was written stays. */
  truncate(): void {
    this.#chunks = this.#isCut ? this.#chunks.slice(0, 1) : []
    this.#queuedBytes = this.#chunks[0]?.length ?? 0
  }

  #took(piece: Uint8Array): Uint8Array {
    this.#queuedBytes -= piece.length
    this.#takenBytes += piece.length
    return piece
  }
}
