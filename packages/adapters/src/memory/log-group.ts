import type { GroupOptions } from '@starling/core'
import { balance } from '../log/balance.ts'
import { within } from '../log/within.ts'
import { type Worker, worker } from '../log/worker.ts'
import type { LogStore } from './log-store.ts'

/** What a group needs of the log it belongs to. */
export interface GroupPorts {
  readonly store: LogStore
  readonly schedule: (run: () => void, delayMs: number) => void
  readonly retryMs: number
  /** Units: ms a batch at work is waited for when its partition goes elsewhere or its member closes. */
  readonly closeTimeoutMs: number
  /** Told of every commit, so that records nobody needs any more can go. */
  readonly committed: (topic: string, partition: number) => void
  readonly refused: (group: string, topic: string, partition: number, error: unknown) => void
}

/** A consumer group of the memory log: its members share the partitions of the topics they name. */
export interface MemoryGroup {
  readonly join: (options: GroupOptions) => { readonly leave: () => Promise<void> }
  /** Says that a partition has new records. */
  readonly wake: (topic: string, partition: number) => void
}

interface Member {
  readonly options: GroupOptions
  isLeaving: boolean
}

/** One partition as the group sees it. */
interface Share {
  owner: Member | undefined
  worker: Worker | undefined
  /** True once the owner was told of its partition. */
  isReady: boolean
  /** Set while the batch at work of an owner who must give the partition up is waited for. */
  leaving: Promise<void> | undefined
}

/** Makes a group. Order: a partition has one owner at a time; the next one starts after the last one's batch has ended. */
export function memoryGroup(group: string, ports: GroupPorts): MemoryGroup {
  const { store, schedule, retryMs, closeTimeoutMs } = ports
  const members: Member[] = []
  const shares = new Map<string, readonly Share[]>()

  function sharesOf(topic: string): readonly Share[] {
    let found = shares.get(topic)
    if (found === undefined) {
      const count = store.partitions(topic) ?? 0
      found = Array.from(
        { length: count },
        (): Share => ({ owner: undefined, worker: undefined, isReady: false, leaving: undefined }),
      )
      shares.set(topic, found)
    }
    return found
  }

  function rebalance(): void {
    for (const [topic, parts] of shares) {
      const able = members.filter((member) => !member.isLeaving && member.options.topics.includes(topic))
      const targets = balance(
        parts.map((share) => share.owner),
        able,
      )
      parts.forEach((share, partition) => {
        const target = targets[partition]
        if (share.leaving !== undefined || share.owner === target) return
        if (share.owner === undefined) give(topic, partition, share, target as Member)
        else takeBack(topic, partition, share, share.owner)
      })
    }
  }

  function give(topic: string, partition: number, share: Share, member: Member): void {
    const committed = store.committed(group, topic).get(partition)
    let position = committed?.offset ?? store.start(topic, partition)
    const mine = worker({
      topic,
      partition,
      maxBatchRecords: member.options.maxBatchRecords ?? 500,
      take: (maxRecords) => {
        const records = store.read(topic, partition, position, maxRecords)
        position = (records.at(-1)?.offset ?? position - 1) + 1
        return records
      },
      handle: member.options.handle,
      handled: (offset, metadata) => {
        if (share.worker !== mine) return // given to another member meanwhile: its commit is ignored
        store.commit(group, topic, partition, { offset, metadata })
        ports.committed(topic, partition)
      },
      refused: (error) => ports.refused(group, topic, partition, error),
      retryMs,
      schedule,
    })
    share.owner = member
    share.worker = mine
    schedule(() => {
      if (share.worker !== mine || share.leaving !== undefined) return
      share.isReady = true
      member.options.onAssigned(topic, partition, committed)
      mine.wake()
    }, 0)
  }

  function takeBack(topic: string, partition: number, share: Share, owner: Member): void {
    const stopping = share.worker?.stop() ?? Promise.resolve()
    share.leaving = within(stopping, closeTimeoutMs).then(() => {
      const wasTold = share.isReady
      share.isReady = false
      share.owner = undefined
      share.worker = undefined
      share.leaving = undefined
      if (wasTold && !owner.isLeaving) owner.options.onRevoked(topic, partition)
      rebalance()
    })
  }

  function join(options: GroupOptions): { readonly leave: () => Promise<void> } {
    const member: Member = { options, isLeaving: false }
    members.push(member)
    for (const topic of options.topics) sharesOf(topic)
    rebalance()
    const leave = async (): Promise<void> => {
      if (member.isLeaving) return
      member.isLeaving = true
      members.splice(members.indexOf(member), 1)
      rebalance()
      const mine = [...shares.values()].flat().filter((share) => share.owner === member)
      await Promise.all(mine.map((share) => share.leaving))
    }
    return { leave }
  }

  function wake(topic: string, partition: number): void {
    const share = shares.get(topic)?.[partition]
    if (share?.isReady) share.worker?.wake()
  }

  return { join, wake }
}
