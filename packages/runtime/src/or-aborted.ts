/** Waits for work, but no longer than until the abort. Errors: rejects when aborted. */
export function orAborted<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  if (stop.aborted) {
    work.catch(() => {}) // nobody waits for it any more
    return Promise.reject(new Error('stopped while starting'))
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('stopped while starting'))
    stop.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => stop.removeEventListener('abort', onAbort))
  })
}
