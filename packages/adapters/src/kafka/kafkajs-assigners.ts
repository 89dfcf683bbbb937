import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { assign, assignerName, readHeld, writeHeld } from './assign.ts'
import type { TopicPartition } from './driver.ts'

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol

/** Our own sharing of partitions in kafkajs, which itself has only round robin. */
export function stickyAssigner(held: () => readonly TopicPartition[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: assignerName,
    version: 0,
    protocol: ({ topics }) => ({
      name: assignerName,
      metadata: MemberMetadata.encode({ version: 0, topics, userData: writeHeld(held()) }),
    }),
    assign: async ({ members }) => {
      const wishes = members.map(({ memberId, memberMetadata }) => {
        const decoded = MemberMetadata.decode(memberMetadata)
        return { memberId, topics: decoded?.topics ?? [], held: readHeld(decoded?.userData) }
      })
      const given = assign(wishes, (topic) => cluster.findTopicPartitionMetadata(topic).length)
      return [...given].map(([memberId, topics]) => {
        const assignment = Object.fromEntries([...topics].map(([topic, partitions]) => [topic, [...partitions]]))
        return {
          memberId,
          memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }),
        }
      })
    },
  })
}

/** Gives one partition to the one member of a group that exists for it alone: kafkajs cannot read without a group. */
export function soloAssigner({ topic, partition }: TopicPartition): PartitionAssigner {
  const name = 'StarlingSolo'
  const userData = Buffer.alloc(0)
  return () => ({
    name,
    version: 0,
    protocol: ({ topics }) => ({ name, metadata: MemberMetadata.encode({ version: 0, topics, userData }) }),
    assign: async ({ members }) =>
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version: 0, assignment: { [topic]: [partition] }, userData }),
      })),
  })
}
