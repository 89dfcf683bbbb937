import { type Log, type Presence, PresenceError } from '@starling/core'
import { defaultMaxBytes, type MemoryLogOptions, memoryLog } from '../memory/log.ts'
import { type MemoryPresenceOptions, memoryPresence } from '../memory/presence.ts'
import type { PresenceJournal } from '../memory/presence-journal.ts'
import { ByteReader } from './byte-reader.ts'
import { durableLogStore, hasRecords } from './durable-log-store.ts'
import { Journal, JournalError, type JournalOptions } from './journal.ts'

/** What log and presence of one process are told, and where they are kept. */
export interface EmbeddedOptions {
  readonly journal: JournalOptions
  readonly log: Omit<MemoryLogOptions, 'store'>
  /** Partitions of every topic that is kept, as of a journal that does not say how many it was written with. */
  readonly formerPartitions?: number
  /** Topics whose records concern nobody after this process: they are not written. */
  readonly passingTopics: readonly string[]
  readonly presence: Omit<MemoryPresenceOptions, 'journal'>
}

/**
 * Opens log and presence of one process with their journal: they go on where an earlier process ended, also one that was killed.
 * Errors: rejects when the journal cannot be used: another process has it, it is a newer version's, the disk is full.
 * LOG_FAILED and PRESENCE_DOWN while it cannot be written; `health` and `isUp` say so.
 */
export async function openEmbedded(
  options: EmbeddedOptions,
): Promise<{ readonly log: Log; readonly presence: Presence }> {
  const journal = await Journal.open({
    ...options.journal,
    onEvent: options.journal.onEvent ?? options.log.onEvent ?? (() => {}),
  })
  let users = 2
  const release = async (): Promise<void> => {
    users -= 1
    if (users === 0) await journal.close()
  }
  try {
    const { baseOffset = 0, maxBytes = defaultMaxBytes } = options.log
    const passing = new Set(options.passingTopics)
    const partitions = { ...options.log.partitions, ...keptPartitions(journal, options, passing) }
    const store = durableLogStore({ journal, partitions, baseOffset, maxBytes, passing, onClose: release })
    const log = memoryLog({ ...options.log, partitions, store })
    const memory = memoryPresence({ ...options.presence, journal: presenceJournal(journal) })
    journal.started()
    return { log, presence: { ...memory, isUp: () => journal.isUp(), close: release } }
  } catch (error) {
    await journal.close()
    throw error
  }
}

/**
 * How many partitions the topics have that are kept: as many as wanted, but as many as before while records are left, since a key's
 * records stand in one partition. Without any all offsets begin above those before, and the count may change.
 */
function keptPartitions(
  journal: Journal,
  { log: { partitions: wanted }, formerPartitions }: EmbeddedOptions,
  passing: ReadonlySet<string>,
): Readonly<Record<string, number>> {
  const kept: Record<string, number> = {}
  const written = new Map(journal.loaded(partitionsPrefix))
  for (const [topic, count] of Object.entries(wanted)) {
    if (passing.has(topic)) continue
    const key = partitionsPrefix + topic
    const before = written.get(key)
    const former = before === undefined ? formerPartitions : new ByteReader(before).count()
    const now = hasRecords(journal, topic) ? (former ?? count) : count
    kept[topic] = now
    journal.put(key, (writer) => writer.count(now))
  }
  return kept
}

const partitionsPrefix = 'partitions '

/** The journal as presence sees it: its failures are presence's. */
function presenceJournal(journal: Journal): PresenceJournal {
  return {
    loaded: (prefix) => journal.loaded(prefix),
    adopt: (key, encode) => journal.adopt(key, encode),
    put: (key, encode) => journal.put(key, encode),
    drop: (key) => journal.drop(key),
    forget: (key) => journal.forget(key),
    position: () => journal.position(),
    isUp: () => journal.isUp(),
    commit: async () => {
      try {
        await journal.commit()
      } catch (error) {
        if (!(error instanceof JournalError)) throw error
        throw new PresenceError('the journal of presence cannot be written', { cause: error })
      }
    },
  }
}
