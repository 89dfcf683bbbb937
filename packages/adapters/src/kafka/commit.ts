import { type Commit, keyOf, type TopicPartition } from './driver.ts'

/** What a committer works with. */
export interface CommitterOptions {
  /** One commit request. Errors: a rejection leaves its commits waiting. */
  readonly send: (commits: readonly Commit[]) => Promise<void>
  /** Told of a refused request, which is sent again after `retryMs`, with what is newest then. */
  readonly refused: (error: unknown) => void
  /** Units: ms between the end of a request and the start of the next. */
  readonly gapMs: number
  readonly retryMs: number
}

/** Sends what was handled: one request in flight, the newest position of a partition wins. */
export interface Committer {
  readonly handled: (commit: Commit) => void
  /** Drops what waits for a partition that went elsewhere. */
  readonly forget: (at: TopicPartition) => void
  /** Sends without gaps from now on; resolves when nothing waits, which may be never: bound it. */
  readonly flush: () => Promise<void>
  /** Ends timers; what waits is dropped. */
  readonly stop: () => void
}

/** Makes a committer. Bound: one waiting commit a partition. */
export function committer(options: CommitterOptions): Committer {
  const { send, refused, gapMs, retryMs } = options
  const waiting = new Map<string, Commit>()
  const flushers: (() => void)[] = []
  let isSending = false
  let isHurried = false
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  function schedule(delayMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(transmit, delayMs)
  }

  // Runs from a timer only: never between a library's change of generation and its telling us (see kafkajs-feed.ts).
  function transmit(): void {
    timer = undefined
    if (isStopped) return
    const commits = [...waiting.values()]
    if (commits.length === 0) {
      for (const done of flushers.splice(0)) done()
      return
    }
    isSending = true
    send(commits).then(
      () => {
        for (const commit of commits) if (waiting.get(keyOf(commit)) === commit) waiting.delete(keyOf(commit))
        next(isHurried ? 0 : gapMs)
      },
      (error: unknown) => {
        refused(error)
        next(retryMs)
      },
    )
  }

  function next(delayMs: number): void {
    isSending = false
    if (!isStopped) schedule(delayMs)
  }

  return {
    handled: (commit) => {
      waiting.set(keyOf(commit), commit)
      if (!isSending && timer === undefined && !isStopped) schedule(0)
    },
    forget: (at) => {
      waiting.delete(keyOf(at))
    },
    flush: () => {
      isHurried = true
      if (isStopped || (waiting.size === 0 && !isSending)) return Promise.resolve()
      if (!isSending) schedule(0)
      return new Promise((resolve) => flushers.push(resolve))
    },
    stop: () => {
      isStopped = true
      clearTimeout(timer)
      waiting.clear()
      for (const done of flushers.splice(0)) done()
    },
  }
}
