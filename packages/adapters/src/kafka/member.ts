import type { Committed, GroupOptions } from '@starling/core'
import { within } from '../log/within.ts'
import { committer } from './commit.ts'
import { type KafkaDriver, keyOf, type OnEvent, type TopicPartition } from './driver.ts'
import { type Intake, intake } from './intake.ts'
import { keeper } from './keeper.ts'
import type { Patient } from './watchdog.ts'

/** What a member and a reader need beside the driver. */
export interface ReadSettings {
  readonly maxBufferedBytes: number
  /** Units: ms until a refused batch is handed over again. */
  readonly retryMs: number
  /** Units: ms between two commits. */
  readonly commitGapMs: number
  /** Units: ms that a batch at work is waited for when the member closes. */
  readonly closeTimeoutMs: number
  readonly onEvent: OnEvent
}

/** Bytes of metadata that Kafka keeps beside an offset (`offset.metadata.max.bytes`). Units: bytes. */
const maxMetadataBytes = 4096

/** A partition that this member holds. */
interface Share extends TopicPartition {
  readonly intake: Intake
  /** True once `onAssigned` was called. */
  isTold: boolean
}

/** A running member of a consumer group. */
export interface Member extends Patient {
  readonly close: () => Promise<void>
}

/** Joins a group and stays in it, over crashes of the client and absence of the brokers, until it is closed. */
export function member(driver: KafkaDriver, group: GroupOptions, settings: ReadSettings): Member {
  const { onEvent, closeTimeoutMs } = settings
  const shares = new Map<string, Share>()
  /** Batches still at work of partitions that were taken away; the partition may come back before they end. */
  const ending = new Map<string, Promise<void>>()
  let name = ''
  /** Counts assignments, so that an answer to an earlier one is known as such. */
  let round = 0
  let isClosing = false

  const commits = committer({
    send: async (list) => {
      const feed = kept.feed()
      if (feed === undefined) throw new Error('no member of the group at the moment')
      await feed.commit(list)
    },
    refused: (error) => onEvent('log.commit.refused', { group: group.group, error }),
    gapMs: settings.commitGapMs,
    retryMs: 200,
  })

  const kept = keeper({
    open: async (sink) => {
      for (const topic of group.topics) {
        if ((await driver.partitions(topic)) === undefined) throw new Error(`there is no topic ${topic}`)
      }
      return driver.openGroup({ group: group.group, topics: group.topics, held: () => [...shares.values()] }, sink)
    },
    sink: {
      assigned: (memberId, partitions) => assigned(memberId, partitions),
      received: (topic, partition, records) => shares.get(keyOf({ topic, partition }))?.intake.receive(records),
    },
    lost: (error) => {
      onEvent('log.group.lost', { group: group.group, error })
      round++
      for (const share of [...shares.values()]) revoke(share)
    },
    firstRetryMs: 200,
    maxRetryMs: 5000,
  })

  function assigned(memberId: string, partitions: readonly TopicPartition[]): void {
    const mine = ++round
    if (memberId !== name) for (const share of [...shares.values()]) revoke(share)
    name = memberId
    const keys = new Set(partitions.map(keyOf))
    for (const share of [...shares.values()]) if (!keys.has(keyOf(share))) revoke(share)
    for (const share of shares.values()) share.intake.hold() // until it is known that nobody else had it meanwhile
    for (const at of partitions) if (!shares.has(keyOf(at))) add(at)
    onEvent('log.group.assigned', { group: group.group, partitions: partitions.length })
    void tell(mine)
  }

  function add({ topic, partition }: TopicPartition): void {
    const at = { topic, partition }
    const share: Share = {
      ...at,
      isTold: false,
      intake: intake({
        ...at,
        maxBatchRecords: group.maxBatchRecords ?? 500,
        maxBufferedBytes: settings.maxBufferedBytes,
        retryMs: settings.retryMs,
        handle: async (batch) => {
          const metadata = await group.handle(batch)
          if (Buffer.byteLength(metadata) > maxMetadataBytes) {
            throw new Error(`metadata is over ${maxMetadataBytes} bytes`)
          }
          return metadata
        },
        // a batch that outlived its partition's stay here must not be committed: the next owner may be further
        handled: (offset, metadata) => {
          if (shares.get(keyOf(at)) === share) commits.handled({ ...at, offset, metadata })
        },
        refused: (error) => onEvent('log.batch.refused', { group: group.group, ...at, error }),
        pause: () => kept.feed()?.pause(at),
        resume: () => kept.feed()?.resume(at),
      }),
    }
    shares.set(keyOf(at), share)
    kept.feed()?.resume(at) // it may have been paused in an earlier stay
  }

  function revoke(share: Share): void {
    const key = keyOf(share)
    shares.delete(key)
    commits.forget(share)
    const stopping = Promise.all([ending.get(key), share.intake.stop()]).then(() => {
      if (ending.get(key) === stopping) ending.delete(key)
    })
    ending.set(key, stopping)
    if (share.isTold) group.onRevoked(share.topic, share.partition)
  }

  /** Reads what was committed and starts what is new; tries until it works or the partitions change again. */
  async function tell(mine: number): Promise<void> {
    const isCurrent = (): boolean => mine === round && !isClosing
    while (isCurrent()) {
      try {
        const committed = new Map<string, ReadonlyMap<number, Committed>>()
        for (const topic of group.topics) committed.set(topic, await driver.committed(group.group, topic))
        if (!isCurrent()) return
        for (const share of [...shares.values()]) start(share, committed.get(share.topic)?.get(share.partition))
        return
      } catch (error) {
        onEvent('log.committed.failed', { group: group.group, error })
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }

  function start(share: Share, committed: Committed | undefined): void {
    if (share.isTold) {
      if (committed === undefined || committed.offset <= share.intake.position()) {
        share.intake.release()
        return
      }
      const rest = share.intake.rest()
      // somebody else had it in a generation that we never saw: what we know of it is old
      revoke(share)
      add(share)
      const fresh = shares.get(keyOf(share))
      if (fresh === undefined) return
      fresh.intake.receive(rest)
      start(fresh, committed)
      return
    }
    const before = ending.get(keyOf(share))
    if (before !== undefined) {
      void before.then(() => {
        if (shares.get(keyOf(share)) === share && !isClosing) begin(share, committed)
      })
    } else begin(share, committed)
  }

  function begin(share: Share, committed: Committed | undefined): void {
    share.isTold = true
    group.onAssigned(share.topic, share.partition, committed)
    share.intake.begin(committed?.offset ?? 0)
    kept.feed()?.begin({ topic: share.topic, partition: share.partition }, committed?.offset ?? 0)
  }

  async function close(): Promise<void> {
    if (isClosing) return
    isClosing = true
    const stopping = [...shares.values()].map((share) => share.intake.stop())
    await within(Promise.all(stopping), closeTimeoutMs)
    await within(commits.flush(), closeTimeoutMs)
    commits.stop()
    shares.clear()
    await within(kept.close(), closeTimeoutMs)
  }

  return {
    close,
    renew: kept.renew,
    watched: () =>
      [...shares.values()]
        .filter((share) => share.isTold && !share.intake.isPaused())
        .map(({ topic, partition, intake }) => ({ topic, partition, expected: intake.expected() })),
  }
}
