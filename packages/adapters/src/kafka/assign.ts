import { balance } from '../log/balance.ts'
import type { TopicPartition } from './driver.ts'

/**
 * Name of our way of sharing partitions, the same over both client libraries, so that a group may change from one to the other
 * member by member. Each member says what it holds in its user data; everything stays where it can.
 */
export const assignerName = 'StarlingSticky'

/** A member as it presents itself when the group shares its partitions. */
export interface Wish {
  readonly memberId: string
  readonly topics: readonly string[]
  /** Keys of partitions, see `keyOf`. */
  readonly held: ReadonlySet<string>
}

/** Writes what a member holds. Shape: JSON of topic to partitions. */
export function writeHeld(held: readonly TopicPartition[]): Buffer {
  const byTopic = Map.groupBy(held, ({ topic }) => topic)
  return Buffer.from(
    JSON.stringify(Object.fromEntries([...byTopic].map(([topic, list]) => [topic, list.map((at) => at.partition)]))),
  )
}

/** Reads what a member says it holds; nothing when it is not understood: it then gets its even share. */
export function readHeld(userData: string | Uint8Array | null | undefined): ReadonlySet<string> {
  const held = new Set<string>()
  try {
    const read: unknown = JSON.parse(Buffer.from(userData ?? '').toString())
    if (typeof read !== 'object' || read === null) return held
    for (const [topic, partitions] of Object.entries(read)) {
      if (Array.isArray(partitions)) for (const partition of partitions) held.add(`${topic}/${partition}`)
    }
  } catch {
    // a member of another version, or of another program
  }
  return held
}

/** Shares the partitions of each topic among the members that read it. Shape: by member, topic to partitions. */
export function assign(
  wishes: readonly Wish[],
  partitionsOf: (topic: string) => number,
): ReadonlyMap<string, ReadonlyMap<string, readonly number[]>> {
  const sorted = [...wishes].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const given = new Map(sorted.map(({ memberId }) => [memberId, new Map<string, number[]>()]))
  for (const topic of new Set(sorted.flatMap((wish) => wish.topics))) {
    const able = sorted.filter((wish) => wish.topics.includes(topic))
    const owners = Array.from({ length: partitionsOf(topic) }, (_, partition) => {
      return able.find((wish) => wish.held.has(`${topic}/${partition}`))?.memberId
    })
    const targets = balance(
      owners,
      able.map(({ memberId }) => memberId),
    )
    targets.forEach((target, partition) => {
      const mine = given.get(target ?? '')
      if (mine !== undefined) mine.set(topic, [...(mine.get(topic) ?? []), partition])
    })
  }
  return given
}
