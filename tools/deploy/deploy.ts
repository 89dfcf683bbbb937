import { createTopics, type Rewound, rewindGroup } from '@starling/adapters/kafka'
import { postgresStorage } from '@starling/adapters/postgres'
import type { Settings } from '@starling/core'
import { logSecurity } from '@starling/runtime'
import { storage } from '@starling/storage'
import { inboxes, inboxNames } from '@starling/wire'

/** How topics are kept. */
export interface Replication {
  readonly replicas: number
  /** Replicas that must hold a record before it is acknowledged. */
  readonly minInSync: number
}

/**
 * Makes the topics of all inboxes that are missing: the only place that does (R7, R9). Returns the names of those it made.
 * Errors: rejects when a topic has another partition count, or the brokers are away.
 */
export function deployTopics(settings: Settings, replication: Replication): Promise<readonly string[]> {
  const table = inboxNames.map((name) => ({
    topic: inboxes[name].topic,
    partitions: name === 'pod' ? settings.log.slots : settings.log.partitions,
    replication: replication.replicas,
    minInSyncReplicas: replication.minInSync,
    retentionHours: inboxes[name].retentionHours,
  }))
  return createTopics(
    { brokers: settings.log.brokers, security: logSecurity(settings), clientId: 'starling-deploy' },
    table,
  )
}

/** Brings the database's tables to the newest schema. Errors: rejects when the database is away. */
export async function deployTables(databaseUrl: string): Promise<void> {
  const tables = postgresStorage({ url: databaseUrl })
  try {
    await tables.migrate()
  } finally {
    await tables.close()
  }
}

/**
 * Sets storage's place in the log back, so that it writes again what came since: after its database was restored.
 * Errors: rejects while a storage pod runs, or the brokers are away.
 */
export function rewindStorage(settings: Settings, toMs: number): Promise<readonly Rewound[]> {
  const consumes = storage.kind === 'pod' ? [] : storage.consumes
  return rewindGroup(
    { brokers: settings.log.brokers, security: logSecurity(settings), clientId: 'starling-deploy' },
    { group: 'starling.storage', topics: consumes.map((name) => inboxes[name].topic), toMs },
  )
}
