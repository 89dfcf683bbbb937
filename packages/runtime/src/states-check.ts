import {
  type Log,
  type Logger,
  type LogRecord,
  type Metrics,
  type Presence,
  PresenceError,
  type StateKind,
} from '@starling/core'
import type { CauseTable } from '@starling/wire'
import { replay } from './replay.ts'

/** A partition of a stage's inbox as its owner knows it. */
export interface Checked {
  /** The offset after the last batch; undefined where the group never committed. */
  next: number | undefined
  /** Number of the connection to presence under which its states were last found to be as they were left; -1: never. */
  connection: number
  /** See `Progress`. */
  forgotAtMs: number
  /** When it was noted last how far its states reach; -Infinity: presence has no note that says so. Units: ms, monotonic. */
  notedAtMs: number
}

/** What checking needs. */
export interface StatesPorts {
  readonly presence: Pick<Presence, 'connections' | 'isUp' | 'noteProgress' | 'readProgress'>
  readonly log: Log
  readonly logger: Logger
  readonly metrics: Metrics
  /** Units: ms from one note of a partition to the next, at least; what lies between is worked again where presence went back. */
  readonly noteMs: number
  /** Units: ms. */
  readonly monotonic: () => number
}

/** Where a batch stands. */
export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
}

/** Works records again on the states as they are, and saves what they come to; `metadata`: the commit's before them. */
export type WorkAgain = (records: readonly LogRecord[], metadata: string) => Promise<string>

/** Keeps a stage's states in presence and its place in the log together (R11, ADR 9). */
export interface StatesCheck {
  /**
   * Makes sure, once a connection to presence, that presence holds the states as they were left. Where it went back, the records since
   * are worked again; where it has forgotten them, that is all there is to know: returns whether it was found so now.
   * Errors: PRESENCE_DOWN when it is away, or was connected anew meanwhile.
   */
  readonly ensure: (at: Checked, batch: BatchPlace, again: WorkAgain) => Promise<'kept' | 'forgotten'>
  /**
   * Errors: PRESENCE_DOWN when presence is away, or was connected anew since `ensure`: what was read, or is remembered, may not be what
   * will be there.
   */
  readonly assertSame: (at: Checked) => void
  /**
   * Notes how far the states reach, if that was not done for `noteMs`. Order: after they were saved. A note that is behind them costs the
   * work of what lies between once more, when presence is connected anew; records at or below an account's mark come to nothing.
   * Errors: PRESENCE_DOWN when presence was connected anew since `ensure`.
   */
  readonly note: (
    at: Checked,
    partition: number,
    done: { readonly next: number; readonly table: Pick<CauseTable, 'encode'> },
  ) => Promise<void>
}

/** Makes the check of one stage. */
export function statesCheck(
  kind: StateKind,
  { presence, log, logger, metrics, noteMs, monotonic }: StatesPorts,
): StatesCheck {
  const label = { stage: kind }
  const forgotten = metrics.counter(
    'starling_presence_forgotten_total',
    'Partitions whose states presence had forgotten',
    ['stage'],
  )
  const replayed = metrics.counter(
    'starling_replayed_records_total',
    'Records worked again because presence had gone back',
    ['stage'],
  )
  const missing = metrics.counter(
    'starling_unreplayed_records_total',
    'Records that presence lost and the log no longer holds',
    ['stage'],
  )

  const assertSame = (at: Checked): void => {
    if (!presence.isUp()) throw new PresenceError('presence is away')
    if (presence.connections() !== at.connection) throw new PresenceError('presence was connected anew')
  }

  const note: StatesCheck['note'] = async (at, partition, { next, table }) => {
    const nowMs = monotonic()
    if (nowMs < at.notedAtMs + noteMs) return
    const { forgotAtMs, connection } = at
    const progress = { offset: next, metadata: table.encode(), forgotAtMs }
    await presence.noteProgress(kind, partition, progress, connection)
    at.notedAtMs = nowMs
  }

  const ensure: StatesCheck['ensure'] = async (at, { topic, partition, records }, again) => {
    const connection = presence.connections()
    if (connection === at.connection) return 'kept'
    const found = await presence.readProgress(kind, partition)
    const { next } = at
    if (found === undefined) {
      if (next === undefined) {
        at.connection = connection
        return 'kept' // nothing was there to forget
      }
      at.forgotAtMs = records[0]?.timestampMs ?? 0
      at.notedAtMs = Number.NEGATIVE_INFINITY
      forgotten.add(1, label)
      logger.warn({ what: 'states.forgotten', stage: kind, partition, next })
      at.connection = connection
      return 'forgotten'
    }
    at.forgotAtMs = found.forgotAtMs
    if (next !== undefined && found.offset < next) {
      logger.warn({ what: 'states.went-back', stage: kind, partition, from: found.offset, to: next })
      let { metadata } = found
      const worked = await replay(log, { topic, partition, from: found.offset, to: next }, async (some) => {
        if (presence.connections() !== connection) throw new PresenceError('presence was connected anew')
        metadata = await again(some, metadata)
        const offset = (some.at(-1)?.offset ?? 0) + 1
        await presence.noteProgress(kind, partition, { offset, metadata, forgotAtMs: at.forgotAtMs }, connection)
      })
      replayed.add(worked.records, label)
      missing.add(worked.missing, label)
    }
    if (presence.connections() !== connection) throw new PresenceError('presence was connected anew')
    at.connection = connection
    return 'kept'
  }

  return { ensure, assertSame, note }
}
