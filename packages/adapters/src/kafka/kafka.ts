import type { Log } from '@starling/core'
import type { DriverSettings, KafkaDriver, OnEvent } from './driver.ts'
import { kafkajsDriver } from './kafkajs-driver.ts'
import { drivenLog } from './log.ts'
import { platformaticDriver } from './platformatic-driver.ts'
import type { KafkaSecurity } from './security.ts'

/** Which library talks to Kafka. */
export type KafkaClient = 'kafkajs' | 'platformatic'

/** What a Kafka log may be told. */
export interface KafkaLogOptions {
  readonly client: KafkaClient
  /** Shape: host:port of some brokers. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Without, in the clear and as nobody. */
  readonly security?: KafkaSecurity
  /** Units: ms since 1970; stamps records, orders nothing. */
  readonly clock: () => number
  /** Units: bytes of envelopes waiting; above it produce rejects LOG_FULL. */
  readonly maxPendingBytes?: number
  /** Units: bytes of one packed record. */
  readonly maxRecordBytes?: number
  /** Units: ms a produce may take before it rejects LOG_FAILED. */
  readonly produceTimeoutMs?: number
  /** Units: ms from one produce request to the next, at least; the first after a quiet time waits for nothing. */
  readonly gatherMs?: number
  /** Units: ms from one fetch of a broker to the next, at least; the first after a quiet time waits for nothing. */
  readonly fetchGatherMs?: number
  /** Units: ms until a group gives up a member that died. */
  readonly sessionTimeoutMs?: number
  /** Units: ms between two signs of life to the group. */
  readonly heartbeatMs?: number
  /** Units: ms a fetch waits at the broker when there is nothing. */
  readonly maxWaitMs?: number
  /** Units: bytes of records that wait for a handler, a partition. */
  readonly maxBufferedBytes?: number
  /** Units: ms until a refused batch is handed over again. */
  readonly retryMs?: number
  /** Units: ms between two commits of a member. */
  readonly commitGapMs?: number
  /** Units: ms that a batch at work is waited for when its reader closes. */
  readonly closeTimeoutMs?: number
  /** Units: ms between two looks of the watchdog; a consumer that stopped is renewed at the second. */
  readonly watchdogMs?: number
  readonly onEvent?: OnEvent
}

/**
 * The log on Apache Kafka. It connects by itself and for ever: while the brokers are away `health` says so and produce waits.
 * Errors: throws for a client it does not know.
 */
export function kafkaLog(options: KafkaLogOptions): Log {
  const { onEvent = () => {}, produceTimeoutMs = 30_000, sessionTimeoutMs = 6000 } = options
  const maxBufferedBytes = options.maxBufferedBytes ?? 1024 * 1024
  const heartbeatMs = options.heartbeatMs ?? Math.floor(sessionTimeoutMs / 6)
  const settings = {
    brokers: options.brokers,
    clientId: options.clientId,
    security: options.security ?? {},
    produceTimeoutMs,
    requestTimeoutMs: Math.min(10_000, produceTimeoutMs),
    sessionTimeoutMs,
    heartbeatMs,
    maxWaitMs: options.maxWaitMs ?? Math.min(500, heartbeatMs),
    fetchGatherMs: options.fetchGatherMs ?? 0,
    maxFetchBytes: maxBufferedBytes,
    onEvent,
  }
  return drivenLog({
    driver: driverOf(options.client, settings),
    clock: options.clock,
    maxPendingBytes: options.maxPendingBytes ?? 64 * 1024 * 1024,
    maxRecordBytes: options.maxRecordBytes ?? 512 * 1024,
    produceTimeoutMs,
    gatherMs: options.gatherMs ?? 0,
    maxBufferedBytes,
    retryMs: options.retryMs ?? 200,
    commitGapMs: options.commitGapMs ?? 1000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5000,
    watchdogMs: options.watchdogMs ?? 5000,
    onEvent,
  })
}

function driverOf(client: KafkaClient, settings: DriverSettings): KafkaDriver {
  switch (client) {
    case 'kafkajs':
      return kafkajsDriver(settings)
    case 'platformatic':
      return platformaticDriver(settings)
    default: {
      const never: never = client
      throw new Error(`there is no Kafka client ${String(never)}`)
    }
  }
}

export { type KafkaAccess, type KafkaRight, kafkaAccess } from './access.ts'
export { type Rewind, type Rewound, rewindGroup } from './rewind.ts'
export type { KafkaSecurity } from './security.ts'
export { type CreateTopicsOptions, createTopics, type TopicSpec } from './topics.ts'
