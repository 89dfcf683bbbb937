import type { Presence, Progress } from '@starling/core'
import type { Connection } from './connection.ts'
import type { PresenceKeys } from './keys.ts'

/** The part of presence that says how far states reach. */
export type ProgressNotes = Pick<Presence, 'noteProgress' | 'readProgress'>

/**
 * Progress in Redis: one string a stage and partition: offset, when it forgot, metadata.
 * Order: Redis applies and replicates in the order of calls: where a note is there, so is what was saved before it. That holds for
 * one server and its replicas; with Redis Cluster it would take a note for each shard.
 */
export function redisProgress(redis: Connection, keys: PresenceKeys): ProgressNotes {
  return {
    noteProgress: async (kind, partition, { offset, metadata, forgotAtMs }, connection) => {
      const value = `${offset} ${forgotAtMs} ${metadata}`
      await redis.commands([{ name: 'SET', args: [keys.progress(kind, partition), value] }], connection)
    },
    readProgress: async (kind, partition) => {
      const [reply] = await redis.commands([{ name: 'GET', args: [keys.progress(kind, partition)] }])
      return reply === null || reply === undefined ? undefined : readNote(String(reply))
    },
  }
}

function readNote(text: string): Progress | undefined {
  const [offset = '', forgot = '', metadata = ''] = text.split(' ')
  if (!/^\d+$/.test(offset) || !/^\d+$/.test(forgot)) return undefined
  return { offset: Number(offset), forgotAtMs: Number(forgot), metadata }
}
