import { type Log, LogError } from '@starling/core'
import { type LaneOutcome, type LaneRecord, lane } from '../log/lane.ts'
import { paced } from '../log/paced.ts'
import { within } from '../log/within.ts'
import type { Bounds, KafkaDriver, OnEvent } from './driver.ts'
import { type Member, member, type ReadSettings } from './member.ts'
import { startPulse } from './pulse.ts'
import { reader } from './reader.ts'
import { watchdog } from './watchdog.ts'

/** What the shared part of the Kafka log is told. */
export interface DrivenLogOptions extends ReadSettings {
  readonly driver: KafkaDriver
  /** Units: ms since 1970. */
  readonly clock: () => number
  readonly maxPendingBytes: number
  readonly maxRecordBytes: number
  readonly produceTimeoutMs: number
  /** Units: ms from one produce request to the next, at least; the first after a quiet time waits for nothing. */
  readonly gatherMs: number
  /** Units: ms between two looks of the watchdog. */
  readonly watchdogMs: number
  readonly onEvent: OnEvent
}

/** The log over one client library: lane, members, readers, watchdog, health. */
export function drivenLog(options: DrivenLogOptions): Log {
  const { driver, clock, onEvent, watchdogMs, produceTimeoutMs } = options
  const counts = new Map<string, number>()
  const open = new Set<Member>()
  let isUp = false
  let isClosed = false

  /** Notes whether the brokers answer. */
  function heard(up: boolean, error?: unknown): void {
    if (up !== isUp && !isClosed) onEvent(up ? 'log.up' : 'log.down', error === undefined ? {} : { error })
    isUp = up
  }

  /** Asks the brokers, and tries again while they are away. Errors: LOG_FAILED after `produceTimeoutMs`. */
  async function ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const deadline = performance.now() + produceTimeoutMs
    for (let pauseMs = 50; ; pauseMs = Math.min(1000, pauseMs * 2)) {
      if (isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
      try {
        const answer = await question()
        heard(true)
        return answer
      } catch (error) {
        if (error instanceof LogError) throw error
        heard(false, error)
        if (performance.now() + pauseMs > deadline) throw new LogError('LOG_FAILED', 'the log is away', error)
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  async function partitionsOf(topic: string): Promise<number> {
    const known = counts.get(topic)
    if (known !== undefined) return known
    const count = await ask(() => driver.partitions(topic))
    if (count === undefined) throw new LogError('LOG_NO_TOPIC', `there is no topic ${topic}`)
    counts.set(topic, count) // never changes in place (R9)
    return count
  }

  /** An outcome for a record that must not be sent, because a client library would stumble over its topic. */
  async function refusal({ topic, partition }: LaneRecord): Promise<LaneOutcome | undefined> {
    try {
      if (partition < (await partitionsOf(topic))) return undefined
      return { ok: false, error: new LogError('LOG_NO_TOPIC', `there is no partition ${partition} of topic ${topic}`) }
    } catch (error) {
      if (error instanceof LogError) return { ok: false, error }
      throw error
    }
  }

  async function send(records: readonly LaneRecord[]): Promise<readonly LaneOutcome[]> {
    const outcomes: (LaneOutcome | undefined)[] = []
    const sendable: LaneRecord[] = []
    for (const record of records) {
      const refused = isKnown(record) ? undefined : await refusal(record)
      outcomes.push(refused)
      if (refused === undefined) sendable.push(record)
    }
    if (sendable.length > 0) {
      const sent = await append(sendable)
      let next = 0
      for (let i = 0; i < outcomes.length; i++) outcomes[i] ??= sent[next++]
    }
    return outcomes.map((outcome) => outcome ?? noAnswer)
  }

  function isKnown({ topic, partition }: LaneRecord): boolean {
    return partition < (counts.get(topic) ?? 0)
  }

  async function append(records: readonly LaneRecord[]): Promise<readonly LaneOutcome[]> {
    try {
      const outcomes = await driver.append(records, clock())
      heard(true)
      return outcomes
    } catch (error) {
      heard(false, error)
      onEvent('log.produce.failed', { records: records.length, error })
      throw new LogError('LOG_FAILED', 'the log refused, or stayed away too long', error)
    }
  }

  const produced = lane({
    maxPendingBytes: options.maxPendingBytes,
    maxRecordBytes: options.maxRecordBytes,
    timeoutMs: produceTimeoutMs,
    schedule: paced({ intervalMs: options.gatherMs, monotonic: () => performance.now() }),
    send,
  })

  const pulse = startPulse({ ask: driver.ping, heard })
  const look = watchdog()
  const guard = setInterval(() => void patrol(), watchdogMs)
  guard.unref()

  /** Looks after whoever reads. */
  async function patrol(): Promise<void> {
    const topics = new Set([...open].flatMap((one) => one.watched().map(({ topic }) => topic)))
    const bounds = new Map<string, ReadonlyMap<number, Bounds>>()
    try {
      for (const topic of topics) bounds.set(topic, await driver.bounds(topic))
    } catch {
      return // the brokers are away: the pulse says so, and nobody can be judged
    }
    for (const one of open) if (look(one, bounds)) onEvent('log.consumer.stalled', {})
  }

  function opened(one: Member): { readonly close: () => Promise<void> } {
    open.add(one)
    return {
      close: async () => {
        open.delete(one)
        await one.close()
      },
    }
  }

  return {
    partitions: partitionsOf,
    produce: produced.produce,
    consume: async (group) => opened(member(driver, group, options)),
    read: async (topic, partition, { from, handle }) => {
      if (partition >= (await partitionsOf(topic))) {
        throw new LogError('LOG_NO_TOPIC', `there is no partition ${partition} of topic ${topic}`)
      }
      return opened(reader(driver, { topic, partition, from, handle }, options))
    },
    committed: async (group, topic) => {
      await partitionsOf(topic)
      return ask(() => driver.committed(group, topic))
    },
    ends: async (topic) => {
      await partitionsOf(topic)
      const bounds = await ask(() => driver.bounds(topic))
      return new Map([...bounds].map(([partition, { end }]) => [partition, end]))
    },
    health: () => ({ isUp, pendingBytes: produced.pendingBytes() }),
    close: async () => {
      await produced.close()
      await Promise.all([...open].map((one) => one.close()))
      isClosed = true
      clearInterval(guard)
      pulse.stop()
      await within(driver.close(), options.closeTimeoutMs)
    },
  }
}

const noAnswer: LaneOutcome = { ok: false, error: new LogError('LOG_FAILED', 'the log gave no answer for a partition') }
