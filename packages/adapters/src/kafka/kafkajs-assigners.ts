import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { balance } from '../log/balance.ts'
import type { TopicPartition } from './driver.ts'

const { AssignerProtocol } = kafkajs

/**
 * Shares partitions evenly and leaves each where it is when it can stay; kafkajs itself has only round robin.
 * Shape: a member's user data is the JSON of topic to partitions that it holds as it joins.
 */
export function stickyAssigner(held: () => readonly TopicPartition[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'StarlingSticky',
    version: 0,
    protocol: ({ topics }) => {
      const mine: Record<string, number[]> = {}
      for (const { topic, partition } of held()) mine[topic] = [...(mine[topic] ?? []), partition]
      const userData = Buffer.from(JSON.stringify(mine))
      return {
        name: 'StarlingSticky',
        metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData }),
      }
    },
    assign: async ({ members }) => {
      const wishes = members
        .map(({ memberId, memberMetadata }) => {
          const decoded = AssignerProtocol.MemberMetadata.decode(memberMetadata)
          return { memberId, topics: decoded?.topics ?? [], held: readHeld(decoded?.userData) }
        })
        .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
      const given = new Map<string, Record<string, number[]>>(wishes.map(({ memberId }) => [memberId, {}]))
      for (const topic of new Set(wishes.flatMap((wish) => wish.topics))) {
        const able = wishes.filter((wish) => wish.topics.includes(topic))
        const owners = cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => partitionId)
          .sort((a, b) => a - b)
          .map((partition) => ({
            partition,
            owner: able.find((wish) => wish.held.has(`${topic}/${partition}`))?.memberId,
          }))
        const targets = balance(
          owners.map(({ owner }) => owner),
          able.map(({ memberId }) => memberId),
        )
        owners.forEach(({ partition }, i) => {
          const mine = given.get(targets[i] ?? '')
          if (mine !== undefined) mine[topic] = [...(mine[topic] ?? []), partition]
        })
      }
      return [...given].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment,
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })
}

/** Gives one partition to the one member of a group that exists for it alone: kafkajs cannot read without a group. */
export function soloAssigner({ topic, partition }: TopicPartition): PartitionAssigner {
  return () => ({
    name: 'StarlingSolo',
    version: 0,
    protocol: ({ topics }) => ({
      name: 'StarlingSolo',
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
    }),
    assign: async ({ members }) =>
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment: { [topic]: [partition] },
          userData: Buffer.alloc(0),
        }),
      })),
  })
}

/** What a member says it holds; nothing when it is not understood. */
function readHeld(userData: Buffer | undefined): ReadonlySet<string> {
  const held = new Set<string>()
  try {
    const read: unknown = JSON.parse(userData?.toString() ?? '{}')
    for (const [topic, partitions] of Object.entries(read as Record<string, unknown>)) {
      if (Array.isArray(partitions)) for (const partition of partitions) held.add(`${topic}/${partition}`)
    }
  } catch {
    // another version's member: it keeps nothing, and gets its even share
  }
  return held
}
