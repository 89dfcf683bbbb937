import type { PodLife, Presence } from '@starling/core'
import type { Command, Connection } from './connection.ts'
import type { PresenceKeys } from './keys.ts'
import * as scripts from './scripts.ts'

/** The part of presence that is about rolls. */
export type Rolls = Pick<Presence, 'enlist' | 'delist' | 'readRoll' | 'rolls' | 'endRoll'>

/** Entries of one command: a long one would keep others waiting. */
const entriesPerCommand = 500

/**
 * Rolls in Redis: a set for each pod life, and one index of them, scored by when each was last written. They need not lie in
 * one slot of a Redis Cluster: nothing here needs both at once.
 */
export function redisRolls(
  redis: Connection,
  { keys, rollTtlMs }: { readonly keys: PresenceKeys; readonly rollTtlMs: number },
): Rolls {
  const note = async (life: PodLife): Promise<void> => {
    await redis.scripts(scripts.noteRoll, [{ keys: [keys.rolls], args: [memberOf(life), String(rollTtlMs)] }])
  }
  const size = async (life: PodLife): Promise<number> => {
    const [reply] = await redis.commands([{ name: 'SCARD', args: [keys.roll(life)] }])
    return Number(reply)
  }
  return {
    enlist: async (life, entries) => {
      if (entries.length === 0) return
      const key = keys.roll(life)
      const written = paged('SADD', key, entries)
      // Order: the roll before the index, as `endRoll` relies on; both leave in one pipeline.
      await Promise.all([redis.commands([...written, { name: 'PEXPIRE', args: [key, String(rollTtlMs)] }]), note(life)])
    },
    delist: async (life, entries) => {
      if (entries.length > 0) await redis.commands(paged('SREM', keys.roll(life), entries))
    },
    readRoll: async (life, limit) => {
      const [reply] = await redis.commands([{ name: 'SRANDMEMBER', args: [keys.roll(life), String(limit)] }])
      return texts(reply)
    },
    rolls: async (limit) => {
      if (limit < 1) return []
      const [reply] = await redis.commands([{ name: 'ZRANGE', args: [keys.rolls, '0', String(limit - 1)] }])
      return texts(reply).map(readMember)
    },
    endRoll: async (life) => {
      if ((await size(life)) > 0) return
      await redis.commands([{ name: 'ZREM', args: [keys.rolls, memberOf(life)] }])
      // Written between the two: its entry in the index may be the one just removed.
      if ((await size(life)) > 0) await note(life)
    },
  }
}

function paged(name: string, key: string, entries: readonly string[]): readonly Command[] {
  const commands: Command[] = []
  for (let at = 0; at < entries.length; at += entriesPerCommand) {
    commands.push({ name, args: [key, ...entries.slice(at, at + entriesPerCommand)] })
  }
  return commands
}

function memberOf({ slot, epoch }: PodLife): string {
  return `${slot} ${epoch}`
}

function readMember(member: string): PodLife {
  const [slot, epoch] = member.split(' ')
  return { slot: Number(slot), epoch: Number(epoch) }
}

function texts(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
