import type { Logger } from '@starling/core'
import { orAborted } from './or-aborted.ts'

/** How something that may be away is waited for. */
export interface Patience {
  /** What is waited for: the log event is `<what>.waiting`. */
  readonly what: string
  /** What to look at or to do, for whoever reads the log; the error is undefined while a try has no answer at all. */
  readonly hint: string | ((error: unknown) => string)
  readonly logger: Logger
  readonly stop: AbortSignal
}

/** A try that has no answer by then is worth a message. Units: ms. */
const slowMs = 3_000
/** Between two tries. Units: ms. */
const pauseMs = 1_000
/** Tries from one message to the next. */
const triesPerMessage = 10

/**
 * Tries until it works, and says every few seconds what is missing.
 * Errors: rejects once `stop` is aborted.
 */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { what, hint, logger, stop } = patience
  const tell = (error?: unknown): void =>
    logger.warn({
      what: `${what}.waiting`,
      hint: typeof hint === 'string' ? hint : hint(error),
      ...(error === undefined ? {} : { error }),
    })
  for (let tries = 0; ; tries++) {
    const slow = setTimeout(tell, slowMs)
    try {
      const result = await orAborted(work(), stop)
      if (tries > 0) logger.info({ what: `${what}.found` })
      return result
    } catch (error) {
      if (stop.aborted) throw error
      if (tries % triesPerMessage === 0) tell(error)
    } finally {
      clearTimeout(slow)
    }
    await pause(stop)
  }
}

function pause(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, pauseMs)
    stop.addEventListener('abort', done)
  })
}
