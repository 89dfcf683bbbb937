/** What a pulse works with. */
export interface PulseOptions {
  /** Asks the brokers anything. */
  readonly ask: () => Promise<void>
  /** Told after each question whether they answered in time. */
  readonly heard: (isUp: boolean, error?: unknown) => void
}

/** Units: ms between two questions, ms between them while there is no answer, ms an answer may take. */
const pace = { upMs: 2000, downMs: 500, answerMs: 2000 } as const

/** Asks the brokers at a steady pace, so that a pod without traffic knows too whether its log is there. One question at a time. */
export function startPulse({ ask, heard }: PulseOptions): { readonly stop: () => void } {
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  function beat(): void {
    // a broker that is frozen keeps the question: it is down meanwhile, and up as soon as it answers
    timer = later(() => heard(false, new Error(`no answer within ${pace.answerMs} ms`)), pace.answerMs)
    ask().then(
      () => next(true),
      (error: unknown) => next(false, error),
    )
  }

  function next(isUp: boolean, error?: unknown): void {
    if (isStopped) return
    clearTimeout(timer)
    heard(isUp, error)
    timer = later(beat, isUp ? pace.upMs : pace.downMs)
  }

  beat()
  return {
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

function later(run: () => void, delayMs: number): NodeJS.Timeout {
  const timer = setTimeout(run, delayMs)
  timer.unref()
  return timer
}
