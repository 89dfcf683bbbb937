import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'

/** What became of spans: sent, dropped for want of room, or refused by the receiver. */
export type SpanFate = 'sent' | 'dropped' | 'refused'

/** How a queue of spans works. */
export interface SpanQueueOptions {
  readonly exporter: SpanExporter
  /** Units: spans that wait; what comes beyond is dropped. */
  readonly maxSpans: number
  readonly onFate: (fate: SpanFate, spans: number, error?: unknown) => void
}

/** Units: ms that spans gather before they are sent. */
const gatherMs = 1_000
/** Units: spans in one request. */
const requestSpans = 512

/** Spans that ended and wait to be sent: one request under way, a named bound, and what became of each is told (R8). */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions
  #waiting: ReadableSpan[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(options: SpanQueueOptions) {
    this.#options = options
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting.length >= this.#options.maxSpans) {
      this.#options.onFate('dropped', 1)
      return
    }
    this.#waiting.push(span)
    if (this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = setTimeout(() => void this.forceFlush(), gatherMs)
    this.#timer.unref()
  }

  /** Sends all that waits now; never rejects. */
  forceFlush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async shutdown(): Promise<void> {
    await this.forceFlush()
    await this.forceFlush() // what ended while the one before was under way
    await this.#options.exporter.shutdown()
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, requestSpans))
  }

  #send(spans: ReadableSpan[]): Promise<void> {
    const { exporter, onFate } = this.#options
    return new Promise((resolve) => {
      exporter.export(spans, ({ code, error }) => {
        onFate(code === 0 ? 'sent' : 'refused', spans.length, error)
        resolve()
      })
    })
  }
}
