import type { Feed, FeedSink } from './driver.ts'

/** What a keeper works with. */
export interface KeeperOptions {
  /** Opens a feed. Errors: a rejection is told to `lost` and tried again. */
  readonly open: (sink: FeedSink) => Promise<Feed>
  readonly sink: Omit<FeedSink, 'lost'>
  /** Told that the feed is gone: what it gave is void. A new one is on its way. */
  readonly lost: (error: unknown) => void
  readonly firstRetryMs: number
  readonly maxRetryMs: number
}

/** Keeps a feed open for ever. */
export interface Keeper {
  /** The running feed; undefined between two. */
  readonly feed: () => Feed | undefined
  /** Ends the feed, as if it had been lost, and opens another. */
  readonly renew: (reason: string) => void
  /** Ends it for good. */
  readonly close: () => Promise<void>
}

/** Opens a feed and opens it again, with growing pauses, whenever it is lost. Order: an old feed's news are not passed on. */
export function keeper(options: KeeperOptions): Keeper {
  let feed: Feed | undefined
  /** Counts openings; news of earlier ones are dropped. */
  let opening = 0
  let failures = 0
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let opened: Promise<void> = Promise.resolve()

  function open(): void {
    timer = undefined
    const mine = ++opening
    const isCurrent = (): boolean => mine === opening && !isClosed
    const sink: FeedSink = {
      assigned: (memberId, partitions) => {
        if (!isCurrent()) return
        failures = 0
        options.sink.assigned(memberId, partitions)
      },
      received: (topic, partition, records) => {
        if (!isCurrent()) return
        failures = 0
        options.sink.received(topic, partition, records)
      },
      lost: (error) => {
        if (isCurrent()) down(error)
      },
    }
    opened = options.open(sink).then(
      async (fresh) => {
        if (isCurrent()) feed = fresh
        else await fresh.close()
      },
      (error: unknown) => {
        if (isCurrent()) down(error)
      },
    )
  }

  function down(error: unknown): void {
    const old = feed
    feed = undefined
    opening++
    const delayMs = Math.min(options.maxRetryMs, options.firstRetryMs * 2 ** Math.min(failures, 10))
    failures++
    options.lost(error)
    void old?.close()
    timer = setTimeout(open, delayMs)
  }

  open()
  return {
    feed: () => feed,
    renew: (reason) => {
      if (!isClosed && timer === undefined) down(new Error(reason))
    },
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await opened
      await feed?.close()
      feed = undefined
    },
  }
}
