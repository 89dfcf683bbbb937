import type { GroupOptions } from '@starling/core'
import { type Worker, worker } from '../../packages/adapters/src/log/worker.ts'
import type { LogStore } from '../../packages/adapters/src/memory/log-store.ts'
import type { BrokerFlaws } from './broker.ts'
import type { Engine, Process } from './engine.ts'
import type { Server } from './remote.ts'

/** A consumer group as its coordinator sees it. */
export interface Group {
  readonly join: (process: Process, options: GroupOptions) => () => Promise<void>
  readonly wake: (topic: string, partition: number) => void
  /** Gives some partition to another member, or to the same one anew. */
  readonly rebalance: () => void
  readonly isQuiet: () => boolean
  readonly lag: () => string
}

/** What a group needs. */
export interface GroupPorts {
  readonly name: string
  readonly store: LogStore
  readonly server: Server
  readonly isHeld: (topic: string, partition: number) => boolean
  readonly flaws: BrokerFlaws
}

interface Member {
  readonly process: Process
  readonly options: GroupOptions
  /** What it believes to own, and works on. */
  readonly held: Map<string, { readonly generation: number; readonly worker: Worker; isTold: boolean }>
  /** Batches still at work for partitions it lost. */
  readonly ending: Map<string, Promise<void>>
}

interface Share {
  readonly topic: string
  readonly partition: number
  owner: Member | undefined
  /** Commits of an earlier one are refused: this is all that fences an owner who was not told. */
  generation: number
  isMoving: boolean
}

const retryMs = 100
// A member that answers nothing is thought dead after this. Units: ms.
const sessionTimeoutMs = 3_000

/** Makes a group. A new owner starts while the last one, who learns of it later, goes on with what it fetched. */
export function createGroup(engine: Engine, ports: GroupPorts): Group {
  const { name, store, server, isHeld, flaws } = ports
  const members: Member[] = []
  const shares: Share[] = []
  let isWatching = false

  const keyOf = (share: Share): string => `${share.topic} ${share.partition}`
  const able = (share: Share): readonly Member[] =>
    members.filter(
      ({ process, options }) => process.isAlive && !process.isStopped && options.topics.includes(share.topic),
    )

  /** The member hears that the partition is no longer its own. */
  const revoke = (member: Member, share: Share, generation: number): void => {
    const held = member.held.get(keyOf(share))
    if (held === undefined || held.generation !== generation) return
    const stopping = Promise.all([member.ending.get(keyOf(share)), held.worker.stop()]).then(() => {})
    member.ending.set(keyOf(share), stopping)
    member.held.delete(keyOf(share))
    if (held.isTold) member.options.onRevoked(share.topic, share.partition)
  }

  const give = (share: Share, member: Member): void => {
    const { topic, partition } = share
    const old = share.owner
    const oldGeneration = share.generation
    share.generation += 1
    share.owner = member
    const { generation } = share
    engine.trace(() => `${name} ${topic}/${partition} → ${member.process.name} (generation ${generation})`)
    if (old !== undefined && old !== member) {
      // Told soon or late: until then it fetches and works on
      const lateMs = engine.random.chance(0.5) ? engine.latencyMs() : engine.random.next() * 4_000
      engine.later(old.process, lateMs, () => revoke(old, share, oldGeneration))
    }
    engine.later(member.process, engine.latencyMs(), () => {
      if (share.generation === generation) void startAfter(share, member, generation)
    })
  }

  /** As the adapters do: a member that gets a partition back begins only when its own earlier stay is over. */
  const startAfter = async (share: Share, member: Member, generation: number): Promise<void> => {
    const earlier = member.held.get(keyOf(share))
    if (earlier !== undefined) revoke(member, share, earlier.generation)
    await member.ending.get(keyOf(share))
    if (share.generation === generation) start(share, member, generation)
  }

  const start = (share: Share, member: Member, generation: number): void => {
    const { topic, partition } = share
    const { process, options } = member
    const committed = store.committed(name, topic).get(partition)
    let position = committed?.offset ?? store.start(topic, partition)
    let metadata = flaws.forgetsMetadata === true ? '' : (committed?.metadata ?? '')
    const commit = (offset: number, text: string): void => {
      const effect = (): void => {
        const there = store.committed(name, topic).get(partition)?.offset ?? 0
        if (share.generation === generation && offset > there)
          store.commit(name, topic, partition, { offset, metadata: text })
      }
      server.ask(process, effect).catch(() => void engine.later(process, retryMs, () => commit(offset, text)))
    }
    const mine = worker({
      topic,
      partition,
      maxBatchRecords: 1 + engine.random.below(6),
      take: (max) => {
        const records = isHeld(topic, partition) ? [] : store.read(topic, partition, position, max)
        position = (records.at(-1)?.offset ?? position - 1) + 1
        return records
      },
      handle: (batch) => {
        if (flaws.commitsFirst === true) commit((batch.records.at(-1)?.offset ?? 0) + 1, metadata)
        return options.handle(batch)
      },
      handled: (offset, text) => {
        metadata = text
        commit(offset, text)
      },
      refused: () => {},
      retryMs,
      schedule: (run, delayMs) => void engine.later(process, delayMs + engine.latencyMs(), run),
    })
    member.held.set(keyOf(share), { generation, worker: mine, isTold: true })
    options.onAssigned(topic, partition, committed === undefined ? undefined : { offset: committed.offset, metadata })
    mine.wake()
  }

  /** Takes partitions from members that are dead, or thought dead, and gives them to others. */
  const watch = (): void => {
    isWatching = false
    let isMore = false
    for (const share of shares) {
      const { owner } = share
      const isLost = owner === undefined || !owner.process.isAlive || owner.process.isStopped
      if (!isLost) continue
      const others = able(share)
      if (others.length > 0) give(share, engine.random.pick(others))
      else isMore = true
    }
    watchSoon(isMore ? 500 : 2_000)
  }
  const watchSoon = (delayMs: number): void => {
    if (isWatching) return
    isWatching = true
    engine.later(undefined, delayMs + engine.random.next() * sessionTimeoutMs, watch)
  }

  return {
    join: (process, options) => {
      const member: Member = { process, options, held: new Map(), ending: new Map() }
      members.push(member)
      for (const topic of options.topics) {
        for (let partition = 0; partition < (store.partitions(topic) ?? 0); partition++) {
          if (shares.some((share) => share.topic === topic && share.partition === partition)) continue
          shares.push({ topic, partition, owner: undefined, generation: 0, isMoving: false })
        }
      }
      for (const share of shares) {
        if (!options.topics.includes(share.topic)) continue
        if (share.owner === undefined || !share.owner.process.isAlive) give(share, member)
        else if (engine.random.chance(0.5)) give(share, member)
      }
      watchSoon(2_000)
      return async () => {}
    },
    wake: (topic, partition) => {
      const key = `${topic} ${partition}`
      for (const { process, held } of members) if (process.isAlive) held.get(key)?.worker.wake()
    },
    rebalance: () => {
      const share = engine.random.pick(shares)
      const others = able(share)
      if (others.length > 0) give(share, engine.random.pick(others))
    },
    isQuiet: () => shares.every(({ topic, partition }) => behind(topic, partition) === 0),
    lag: () =>
      shares.map(({ topic, partition }) => `${name}:${topic}/${partition}=${behind(topic, partition)}`).join(' '),
  }

  function behind(topic: string, partition: number): number {
    return store.end(topic, partition) - (store.committed(name, topic).get(partition)?.offset ?? 0)
  }
}
