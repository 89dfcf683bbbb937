import type { Logger } from '@starling/core'

/** How something that may be away is waited for. */
export interface Patience {
  /** What is waited for: the log event is `<what>.waiting`. */
  readonly what: string
  /** What to look at or to do, for whoever reads the log. */
  readonly hint: string | ((error: unknown) => string)
  readonly logger: Logger
  readonly stop: AbortSignal
}

/** Between two tries. Units: ms. */
const pauseMs = 1_000
/** Tries from one message to the next. */
const triesPerMessage = 10

/**
 * Tries until it works, and says every few seconds what is missing.
 * Errors: rejects with the last error once `stop` is aborted.
 */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { what, hint, logger, stop } = patience
  for (let tries = 0; ; tries++) {
    try {
      const result = await work()
      if (tries > 0) logger.info({ what: `${what}.found` })
      return result
    } catch (error) {
      if (stop.aborted) throw error
      if (tries % triesPerMessage === 0) {
        logger.warn({ what: `${what}.waiting`, hint: typeof hint === 'string' ? hint : hint(error), error })
      }
      await pause(stop)
      if (stop.aborted) throw error
    }
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
