import { type Presence, PresenceError, type QueueEntry, type QueuePlace } from '@starling/core'
import { partitionOf } from '@starling/wire'
import type { Connection, ScriptCall } from './connection.ts'
import type { PresenceKeys } from './keys.ts'
import * as scripts from './scripts.ts'

/** The part of presence that keeps what clients have not acknowledged, and who hibernates. */
export type Queues = Pick<
  Presence,
  'trimQueues' | 'readQueues' | 'noteHibernations' | 'endedHibernations' | 'forgetHibernations'
>

/** Members of one command: a long one would keep others waiting. */
const membersPerCommand = 500

/**
 * Queues and hibernations in Redis. A queue is a list, and no key at all while it is empty: what it held last is known only while
 * something is in it. Queues are written by the script that saves the state they belong to, whose mark refuses a repeated append;
 * an entry that is appended all the same after its trim is below every ordinal read from then on, and goes with the next trim.
 * Hibernations are sorted sets by their end, spread by name.
 */
export function redisQueues(redis: Connection, keys: PresenceKeys): Queues {
  const callAt = ({ account, queue, ordinal }: QueuePlace, ...args: readonly string[]): ScriptCall => {
    return { keys: [keys.queue(account, queue)], args: [String(ordinal), ...args] }
  }
  return {
    trimQueues: async (places) => {
      await redis.scripts(
        scripts.trimQueue,
        places.map((place) => callAt(place)),
      )
    },
    readQueues: async (places, limit) => {
      if (limit < 1) return places.map(() => [])
      const calls = places.map((place) => callAt(place, String(limit)))
      return (await redis.scripts(scripts.readQueue, calls)).map(readEntries)
    },
    noteHibernations: async (hibernations) => {
      const noted = hibernations.map(({ name, endsAtMs }) => ({ name, args: [String(endsAtMs), name] }))
      await redis.commands(spread('ZADD', keys.hibernations, noted))
    },
    endedHibernations: async (nowMs, limit) => {
      if (limit < 1) return []
      const range = ['-inf', String(nowMs), 'WITHSCORES', 'LIMIT', '0', String(limit)]
      const reads = keys.hibernations.map((key) => ({ name: 'ZRANGEBYSCORE', args: [key, ...range] }))
      const ended = (await redis.commands(reads)).flatMap(readScored)
      return ended
        .sort((one, other) => one.score - other.score)
        .slice(0, limit)
        .map(({ name }) => name)
    },
    forgetHibernations: async (names) => {
      const forgotten = names.map((name) => ({ name, args: [name] }))
      await redis.commands(spread('ZREM', keys.hibernations, forgotten))
    },
  }
}

interface Member {
  readonly name: string
  /** What a command says for it. */
  readonly args: readonly string[]
}

/** Commands for members, each at the key of its name. Order: kept within a key. */
function spread(
  name: string,
  keys: readonly string[],
  members: readonly Member[],
): Parameters<Connection['commands']>[0] {
  const byKey = keys.map((): Member[] => [])
  for (const member of members) byKey[partitionOf(member.name, keys.length)]?.push(member)
  return keys.flatMap((key, at) => {
    const held = byKey[at] ?? []
    const pages = Array.from({ length: Math.ceil(held.length / membersPerCommand) }, (_, page) =>
      held.slice(page * membersPerCommand, (page + 1) * membersPerCommand),
    )
    return pages.map((page) => ({ name, args: [key, ...page.flatMap(({ args }) => args)] }))
  })
}

function readEntries(reply: unknown): readonly QueueEntry[] {
  if (!Array.isArray(reply)) throw new PresenceError('Redis answered LRANGE with something else')
  return pairs(reply).flatMap(([ordinal, bytes]) =>
    bytes instanceof Uint8Array ? [{ ordinal: Number(ordinal), bytes }] : [],
  )
}

function readScored(reply: unknown): readonly { readonly name: string; readonly score: number }[] {
  if (!Array.isArray(reply)) throw new PresenceError('Redis answered ZRANGEBYSCORE with something else')
  // RESP3 has a pair for each, RESP2 one flat list
  return pairs(reply.flat()).map(([name, score]) => ({ name: String(name), score: Number(score) }))
}

function pairs(reply: readonly unknown[]): readonly (readonly [unknown, unknown])[] {
  return Array.from({ length: Math.floor(reply.length / 2) }, (_, at) => [reply[2 * at], reply[2 * at + 1]])
}
