import { randomUUID } from 'node:crypto'
import {
  type AccountState,
  type Decision,
  type Presence,
  PresenceError,
  type Proposal,
  type SlotLease,
  type StateKind,
  type StateSave,
} from '@starling/core'
import { redisConnection, type ScriptCall } from './connection.ts'
import { type PresenceKeys, presenceKeys } from './keys.ts'
import { redisProgress } from './progress.ts'
import { redisQueues } from './queues.ts'
import { redisRolls } from './rolls.ts'
import * as scripts from './scripts.ts'

/** What a Redis presence may be told. */
export interface RedisPresenceOptions {
  /** `redis://` or `rediss://` (TLS), with user and password where needed. */
  readonly url: string
  /** Where the URL has none; empty: none. */
  readonly password?: string
  /** PEM texts for `rediss://`: authorities other than the system's, and what this side shows of itself. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  /** Stands before every key; no braces. Default `starling:`. */
  readonly keyPrefix?: string
  /** Units: ms a call may take, waiting for the connection included; then it rejects. */
  readonly timeoutMs?: number
  /** Units: calls not yet answered; above it calls reject at once. */
  readonly maxPendingCalls?: number
  /** Units: ms between two attempts to connect. */
  readonly maxBackoffMs?: number
  /** Units: ms that an account without fields keeps its mark. */
  readonly emptyStateTtlMs?: number
  /** Units: ms that a generation is kept after it was last taken. */
  readonly generationTtlMs?: number
  /** Units: ms that a roll is kept after it was last written. */
  readonly rollTtlMs?: number
  /** Units: ms that a queue is kept after something was last appended to it: one that nobody ended is not there for ever. */
  readonly queueTtlMs?: number
  /** Told what happened: presence.up, presence.down, presence.fault. */
  readonly onEvent?: (what: string, detail: Readonly<Record<string, unknown>>) => void
}

/**
 * Presence in Redis: one hash per stage and account; a script per account saves it, all in one pipeline.
 * Nothing blocks, nothing scans.
 * A lease belongs to this value, not to every holder of the pod's name: a process that stood still cannot extend its successor's.
 */
export function redisPresence(options: RedisPresenceOptions): Presence {
  const {
    url,
    password = '',
    keyPrefix = 'starling:',
    timeoutMs = 2000,
    maxPendingCalls = 10_000,
    maxBackoffMs = 1000,
  } = options
  const { emptyStateTtlMs = 86_400_000, generationTtlMs = 2_592_000_000, rollTtlMs = 604_800_000 } = options
  const { queueTtlMs = 604_800_000, onEvent = () => {} } = options
  const keys = presenceKeys(keyPrefix)
  const holder = randomUUID()
  const redis = redisConnection({ url, password, tls: options.tls, timeoutMs, maxPendingCalls, maxBackoffMs, onEvent })

  const one = async (script: scripts.Script, key: string, args: readonly string[]): Promise<number> => {
    const [reply] = await redis.scripts(script, [{ keys: [key], args }])
    return Number(reply)
  }
  const holderOf = (pod: string): string => `${holder} ${pod}`
  const leaseArgs = ({ pod, epoch }: SlotLease): readonly string[] => [holderOf(pod), String(epoch)]

  return {
    readStates: async (kind, accounts) => {
      const reads = accounts.map((account) => ({ name: 'HGETALL', args: [keys.state(kind, account)] }))
      return (await redis.commands(reads)).map(readState)
    },
    saveStates: async (kind, saves) => {
      const calls = saves.map((save) => saveCall(keys, kind, save, { emptyStateTtlMs, queueTtlMs }))
      return (await redis.scripts(scripts.saveState, calls)).map((saved) => Number(saved) === 1)
    },
    decideStates: async (kind, proposals) => {
      const calls = proposals.map((proposal) => ({
        keys: [keys.state(kind, proposal.account)],
        args: [String(proposal.mark), String(proposal.until), String(emptyStateTtlMs), bufferOf(proposal.bytes)],
      }))
      const replies = await redis.scripts(scripts.decideState, calls)
      return proposals.map((proposal, at) => readDecided(proposal, replies[at]))
    },
    leaseSlot: async (pod, slots, leaseMs) => {
      const all = Array.from({ length: slots }, (_, slot) => keys.slot(slot))
      const call = { keys: all, args: [`-1 ${holderOf(pod)}`, String(leaseMs)] }
      const [place] = await redis.scripts(scripts.takeSlot, [call])
      return Number(place) > 0 ? { slot: Number(place) - 1, pod, epoch: -1 } : undefined
    },
    extendSlot: async (lease, leaseMs) => {
      return (await one(scripts.extendSlot, keys.slot(lease.slot), [...leaseArgs(lease), String(leaseMs)])) === 1
    },
    restoreSlot: async (lease, leaseMs) => {
      const value = `${lease.epoch} ${holderOf(lease.pod)}`
      return (await one(scripts.restoreSlot, keys.slot(lease.slot), [value, String(leaseMs)])) === 1
    },
    buryLife: async ({ slot, epoch }, forMs) => {
      // no life has this epoch, and no holder this name
      return (await one(scripts.buryLife, keys.slot(slot), [String(epoch), '-2 dead', String(forMs)])) === 1
    },
    releaseSlot: async (lease) => {
      await one(scripts.releaseSlot, keys.slot(lease.slot), leaseArgs(lease))
    },
    readSlots: async (slots) => {
      if (slots.length === 0) return new Map()
      const [reply] = await redis.commands([{ name: 'MGET', args: slots.map(keys.slot) }])
      return readEpochs(slots, reply)
    },
    takeGeneration: (account) => one(scripts.takeGeneration, keys.generation(account), [String(generationTtlMs)]),
    addToCounter: (name, by, windowMs) => one(scripts.addToCounter, keys.counter(name), [String(by), String(windowMs)]),
    connections: redis.count,
    ...redisProgress(redis, keys),
    ...redisQueues(redis, keys),
    ...redisRolls(redis, { keys, rollTtlMs }),
    isUp: redis.isUp,
    close: redis.close,
  }
}

/** Times of what a save writes. Units: ms. */
interface SaveTimes {
  readonly emptyStateTtlMs: number
  readonly queueTtlMs: number
}

function saveCall(keys: PresenceKeys, kind: StateKind, save: StateSave, times: SaveTimes): ScriptCall {
  const { account, mark, set, remove, queues = [], decision } = save
  const args: (string | Buffer)[] = [String(mark), String(times.emptyStateTtlMs), String(decision?.until ?? -1)]
  if (decision !== undefined) args.push(bufferOf(decision.bytes))
  args.push(String(remove.length))
  for (const field of remove) args.push(scripts.fieldPrefix + field)
  if (queues.length > 0) args.push(String(times.queueTtlMs))
  for (const { append, isEnded } of queues) {
    args.push(isEnded === true ? '-1' : String(append.length))
    if (isEnded === true) continue
    for (const { ordinal, bytes } of append) args.push(String(ordinal), bufferOf(bytes))
  }
  for (const [field, value] of set) args.push(scripts.fieldPrefix + field, bufferOf(value))
  return { keys: [keys.state(kind, account), ...queues.map(({ queue }) => keys.queue(account, queue))], args }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readState(reply: unknown): AccountState {
  if (!Array.isArray(reply)) throw new PresenceError('Redis answered HGETALL with something else')
  const fields = new Map<string, Uint8Array>()
  let mark = -1
  let until = -1
  let decided: Uint8Array | undefined
  for (let at = 0; at + 1 < reply.length; at += 2) {
    const field = String(reply[at])
    const value: unknown = reply[at + 1]
    if (field === scripts.markField) mark = Number(value)
    else if (field === scripts.reachField) until = Number(value)
    else if (field === scripts.decisionField) decided = value instanceof Uint8Array ? value : undefined
    else if (value instanceof Uint8Array) fields.set(field.slice(scripts.fieldPrefix.length), value)
  }
  return decided === undefined ? { mark, fields } : { mark, fields, decision: { bytes: decided, until } }
}

function readDecided({ bytes, until }: Proposal, reply: unknown): Decision | 'stale' {
  if (!Array.isArray(reply)) return Number(reply) === 1 ? { bytes, until } : 'stale'
  const [reach, decided]: readonly unknown[] = reply
  if (!(decided instanceof Uint8Array)) throw new PresenceError('Redis decided without bytes')
  return { bytes: decided, until: Number(reach) }
}

function readEpochs(slots: readonly number[], reply: unknown): ReadonlyMap<number, number> {
  const values: readonly unknown[] = Array.isArray(reply) ? reply : []
  const found = new Map<number, number>()
  slots.forEach((slot, at) => {
    const value = values[at]
    if (value !== null && value !== undefined) found.set(slot, Number.parseInt(String(value), 10))
  })
  return found
}
