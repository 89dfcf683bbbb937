import { join } from 'node:path'
import { memoryLog, memoryPresence } from '@starling/adapters/memory'
import { sqliteStorage } from '@starling/adapters/sqlite'
import type { Log, Logger, Presence, Settings, Stage, Storage } from '@starling/core'
import { inboxes, inboxNames } from '@starling/wire'
import { countStart } from './start-counter.ts'

/** The outside of a process: log, presence and, where the storage stage runs, the database. */
export interface Ports {
  readonly log: Log
  readonly presence: Presence
  readonly storage: Storage | undefined
}

/** What opening ports needs beside the settings. */
export interface PortsContext {
  readonly pod: string
  readonly stages: readonly Stage[]
  readonly logger: Logger
  readonly clock: () => number
  readonly monotonic: () => number
}

/** Partitions of an inbox in one process: enough to work side by side, few enough to pack well. */
const embeddedPartitions = 4
const embeddedSlots = 4

/** Opens what the settings name; without brokers everything is in this process (DESIGN §5). */
export function openPorts(settings: Settings, context: PortsContext): Ports {
  const { logger, clock } = context
  const onEvent = (what: string, detail: Readonly<Record<string, unknown>>): void => logger.warn({ ...detail, what })
  const partitions: Record<string, number> = {}
  const groups: Record<string, string[]> = {}
  for (const name of inboxNames) {
    partitions[inboxes[name].topic] = name === 'pod' ? embeddedSlots : embeddedPartitions
    const readers = context.stages.filter((stage) => stage.kind !== 'pod' && stage.consumes.includes(name))
    if (readers.length > 0) groups[inboxes[name].topic] = readers.map((stage) => `starling.${stage.name}`)
  }
  return {
    log: memoryLog({ partitions, groups, clock, baseOffset: countStart(settings.dataDir), onEvent }),
    presence: memoryPresence({ clock: context.monotonic }),
    storage: context.stages.some(({ kind }) => kind === 'storage')
      ? sqliteStorage({
          file: join(settings.dataDir, 'starling.sqlite'),
          onEvent: (event) => logger.warn({ ...event, what: 'storage.event' }),
        })
      : undefined,
  }
}
