import { type Committed, type GroupOptions, type Log, LogError, type LogReader } from '@starling/core'
import { decodeEnvelope, type Envelope, encodeEnvelope, packRecord, unpackRecord } from '@starling/wire'
import { lane } from '../../packages/adapters/src/log/lane.ts'
import { worker } from '../../packages/adapters/src/log/worker.ts'
import { memoryLogStore } from '../../packages/adapters/src/memory/log-store.ts'
import type { Engine, Process } from './engine.ts'
import { createGroup, type Group } from './group.ts'
import { createServer, type Trouble } from './remote.ts'

/** What a log may be told to do wrong, so that tests show it is noticed. */
export interface BrokerFlaws {
  /** Offsets are committed when a batch is handed over, not when it is done. */
  readonly commitsFirst?: boolean
  /** What was committed beside the offset is not handed back. */
  readonly forgetsMetadata?: boolean
  /** Records of these topics lose their causes. */
  readonly losesCauses?: (topic: string) => boolean
}

/** The log as a server: one for all processes. */
export interface Broker {
  readonly trouble: Trouble
  /** Of all produces, those that the client sends again though they landed. */
  duplicates: number
  /** The log as one process sees it, with a lane of its own. */
  readonly logOf: (process: Process) => Log
  /** Moves partitions about, with or without asking their owners. */
  readonly rebalance: () => void
  /** Holds a partition back: nobody is handed anything of it. Units: ms. */
  readonly holdBack: (topic: string, forMs: number) => void
  /** Whether everything was handled and committed. */
  readonly isQuiet: () => boolean
  /** What is not, for people. */
  readonly lag: () => string
}

/** Makes a log whose topics have these partitions. */
export function createBroker(
  engine: Engine,
  partitions: Readonly<Record<string, number>>,
  flaws: BrokerFlaws = {},
): Broker {
  const store = memoryLogStore({ partitions, baseOffset: 0, maxBytes: Number.POSITIVE_INFINITY })
  const server = createServer(engine, 'log', () => new LogError('LOG_FAILED', 'the log refused'))
  const groups = new Map<string, Group>()
  const readers = new Map<
    string,
    Set<{ readonly wake: () => void; readonly position: () => number; process: Process }>
  >()
  const heldUntil = new Map<string, number>()

  const keyOf = (topic: string, partition: number): string => `${topic} ${partition}`
  const isHeld = (topic: string, partition: number): boolean =>
    (heldUntil.get(keyOf(topic, partition)) ?? 0) > engine.nowMs()
  const wake = (topic: string, partition: number): void => {
    for (const group of groups.values()) group.wake(topic, partition)
    for (const reader of readers.get(keyOf(topic, partition)) ?? []) reader.wake()
  }

  const append = (process: Process, topic: string, partition: number, value: Uint8Array): number => {
    const offset = store.end(topic, partition)
    engine.trace(() => `${process.name} ${topic}/${partition}@${offset} ${contentOf(value)}`)
    const kept = flaws.losesCauses?.(topic) === true ? withoutCauses(value) : value
    void store.append([{ topic, partition, value: kept }], engine.nowMs())
    wake(topic, partition)
    return offset
  }

  const broker: Broker = {
    trouble: server.trouble,
    duplicates: 0,
    logOf,
    rebalance: () => {
      for (const group of groups.values()) group.rebalance()
    },
    holdBack: (topic, forMs) => {
      const partition = engine.random.below(store.partitions(topic) ?? 1)
      heldUntil.set(keyOf(topic, partition), engine.nowMs() + forMs)
      engine.later(undefined, forMs + 1, () => wake(topic, partition))
    },
    isQuiet: () =>
      [...groups.values()].every((group) => group.isQuiet()) &&
      [...readers].every(([key, some]) => {
        const [topic = '', partition = '0'] = key.split(' ')
        return [...some].every(
          ({ process, position }) => !process.isAlive || position() === store.end(topic, Number(partition)),
        )
      }),
    lag: () => [...groups.values()].map((group) => group.lag()).join(' '),
  }

  function logOf(process: Process): Log {
    const mine = lane({
      maxPendingBytes: Number.POSITIVE_INFINITY,
      maxRecordBytes: 512 * 1024,
      timeoutMs: Number.POSITIVE_INFINITY,
      schedule: (run) => void engine.later(process, 0, run),
      send: (records) =>
        Promise.all(
          records.map(async ({ topic, partition, value }) => {
            try {
              const offset = await server.ask(process, () => append(process, topic, partition, value))
              // The answer did not come, so it was sent again
              if (broker.duplicates > 0 && engine.random.chance(broker.duplicates)) {
                engine.trace(() => `${process.name} sends again: ${topic}/${partition}@${offset}`)
                await server.ask(process, () => append(process, topic, partition, value))
              }
              return { ok: true as const, offset }
            } catch (error) {
              return { ok: false as const, error: error as LogError }
            }
          }),
        ),
    })
    const consume = async (options: GroupOptions): Promise<LogReader> => {
      let group = groups.get(options.group)
      if (group === undefined) {
        group = createGroup(engine, { name: options.group, store, server, isHeld, flaws })
        groups.set(options.group, group)
      }
      return { close: group.join(process, options) }
    }
    const read: Log['read'] = async (topic, partition, { from, handle }) => {
      let next = Math.min(Math.max(from, store.start(topic, partition)), store.end(topic, partition))
      const reading = worker({
        topic,
        partition,
        maxBatchRecords: 1 + engine.random.below(8),
        take: (max) => {
          const records = isHeld(topic, partition) ? [] : store.read(topic, partition, next, max)
          next = (records.at(-1)?.offset ?? next - 1) + 1
          return records
        },
        handle: async (batch) => {
          await handle(batch)
          return ''
        },
        handled: () => {},
        refused: (error) => engine.violation(`a pod's reader threw: ${String(error)}`),
        retryMs: 100,
        schedule: (run, delayMs) => void engine.later(process, delayMs + engine.latencyMs(), run),
      })
      const key = keyOf(topic, partition)
      const reader = { wake: reading.wake, position: () => next, process }
      const here = readers.get(key) ?? new Set()
      readers.set(key, here.add(reader))
      reading.wake()
      return {
        close: async () => {
          here.delete(reader)
          await reading.stop()
        },
      }
    }
    return {
      partitions: async (topic) => store.partitions(topic) ?? 0,
      produce: mine.produce,
      consume,
      read,
      committed: async (group, topic) => new Map<number, Committed>(store.committed(group, topic)),
      ends: async (topic) =>
        new Map(Array.from({ length: store.partitions(topic) ?? 0 }, (_, at) => [at, store.end(topic, at)])),
      health: () => ({ isUp: true, pendingBytes: mine.pendingBytes() }),
      close: async () => {},
    }
  }
  return broker
}

function withoutCauses(value: Uint8Array): Uint8Array {
  const unpacked = unpackRecord(value)
  if (!unpacked.ok) return value
  return packRecord(
    unpacked.value.map((bytes) => {
      const read = decodeEnvelope(bytes)
      if (!read.ok) return bytes
      const { cause: _, ...envelope } = read.value
      return encodeEnvelope(envelope as Envelope)
    }),
  )
}

/** What a record holds, as a line. */
function contentOf(value: Uint8Array): string {
  const unpacked = unpackRecord(value)
  if (!unpacked.ok) return unpacked.error
  return unpacked.value
    .map((bytes) => {
      const read = decodeEnvelope(bytes)
      if (!read.ok) return read.error
      const { kind, cause, key } = read.value
      const { head, stanza, ordinal, target, raw, recipients } = read.value as {
        readonly head?: unknown
        readonly stanza?: { readonly kind: string; readonly id: string }
        readonly ordinal?: number
        readonly target?: { readonly slot: number; readonly epoch: number; readonly connection: number }
        readonly raw?: Uint8Array
        readonly recipients?: readonly unknown[]
      }
      const by =
        cause === undefined
          ? ''
          : `<${cause.inbox}/${cause.partition}@${cause.offset}.${cause.index >> 16}.${cause.index & 0xffff}>`
      const place = target === undefined ? '' : ` ${target.slot}/${target.epoch}/${target.connection}`
      const text = stanza === undefined ? '' : ` ${stanza.kind} ${stanza.id}`
      const number = ordinal === undefined ? '' : ` #${ordinal}`
      const more = head === undefined ? '' : ` ${JSON.stringify(head).slice(0, 160)}`
      const to = recipients === undefined ? '' : ` ${JSON.stringify(recipients)}`
      const bytes2 = raw === undefined ? '' : ` ${Buffer.from(raw).toString('utf8').slice(0, 60)}`
      return `[${kind}${by} ${key}${place}${number}${text}${to}${more}${bytes2}]`
    })
    .join(' ')
}
