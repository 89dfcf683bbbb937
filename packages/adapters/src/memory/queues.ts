import type { Presence, QueueChange, QueueEntry } from '@starling/core'
import { ownedBytes } from '@starling/wire'
import { ByteReader } from '../journal/byte-reader.ts'
import type { Encode } from '../journal/byte-writer.ts'
import type { PresenceJournal } from './presence-journal.ts'

/** The part of presence that keeps what clients have not acknowledged, and who hibernates. */
export type Queues = Pick<
  Presence,
  'trimQueues' | 'readQueues' | 'noteHibernations' | 'endedHibernations' | 'forgetHibernations'
>

interface Queue {
  /** Ordinal of the newest entry there ever was. */
  last: number
  /** Entries up to this one were acknowledged. */
  trimmed: number
  /** When it began, for its entries in the journal: a queue of the same name may have been before. */
  readonly born: number
  entries: QueueEntry[]
}

/** Queues and hibernations in this process's memory, and in a journal. */
export function memoryQueues(
  journal: PresenceJournal,
): Queues & { readonly change: (account: string, change: QueueChange) => void } {
  const { queues, hibernations } = loadQueues(journal)

  const putHead = (key: string, kept: Queue): void => journal.put(headKey(key), encodeHead(kept))

  return {
    change: (account, { queue, append, isEnded }) => {
      const key = keyOf(account, queue)
      const known = queues.get(key)
      if (isEnded === true) {
        if (known === undefined) return
        queues.delete(key)
        journal.drop(headKey(key))
        for (const { ordinal } of known.entries) journal.drop(entryKey(key, known, ordinal))
        return
      }
      const kept = known ?? { last: 0, trimmed: 0, born: journal.position(), entries: [] }
      for (const { ordinal, bytes } of append) {
        if (ordinal <= kept.last) continue
        kept.last = ordinal
        // Copied: a caller's bytes may be a view into a whole batch, or change.
        const entry = { ordinal, bytes: ownedBytes(bytes) }
        kept.entries.push(entry)
        journal.put(entryKey(key, kept, ordinal), encodeEntry(entry))
      }
      queues.set(key, kept)
      putHead(key, kept)
    },
    trimQueues: async (places) => {
      for (const { account, queue, ordinal } of places) {
        const key = keyOf(account, queue)
        const kept = queues.get(key)
        if (kept === undefined || ordinal <= kept.trimmed) continue
        // The head says what is over; entries need no words of their own
        for (const entry of kept.entries) {
          if (entry.ordinal > ordinal) break
          journal.forget(entryKey(key, kept, entry.ordinal))
        }
        kept.entries = kept.entries.filter((entry) => entry.ordinal > ordinal)
        kept.trimmed = Math.min(ordinal, kept.last)
        putHead(key, kept)
      }
    },
    readQueues: async (places, limit) =>
      places.map(({ account, queue, ordinal }) =>
        (queues.get(keyOf(account, queue))?.entries ?? []).filter((entry) => entry.ordinal > ordinal).slice(0, limit),
      ),
    noteHibernations: async (noted) => {
      for (const { name, endsAtMs } of noted) {
        hibernations.set(name, endsAtMs)
        journal.put(hibernationKey(name), encodeEnd(endsAtMs))
      }
      if (noted.length > 0) await journal.commit()
    },
    endedHibernations: async (nowMs, limit) =>
      [...hibernations]
        .filter(([, endsAtMs]) => endsAtMs <= nowMs)
        .sort(([, one], [, other]) => one - other)
        .slice(0, limit)
        .map(([name]) => name),
    forgetHibernations: async (names) => {
      for (const name of names) if (hibernations.delete(name)) journal.drop(hibernationKey(name))
    },
  }
}

/** What the journal held at the start. */
function loadQueues(journal: PresenceJournal): {
  readonly queues: Map<string, Queue>
  readonly hibernations: Map<string, number>
} {
  const queues = new Map<string, Queue>()
  for (const [key, value] of journal.loaded(headPrefix)) {
    const reader = new ByteReader(value)
    const queue: Queue = { last: reader.count(), trimmed: reader.count(), born: reader.count(), entries: [] }
    queues.set(key.slice(headPrefix.length), queue)
    journal.adopt(key, encodeHead(queue))
  }
  for (const [key, value] of journal.loaded(entryPrefix)) {
    const [, account = '', queue = '', born, ordinal] = key.split(' ')
    const kept = queues.get(keyOf(account, queue))
    if (kept === undefined || kept.born !== Number(born) || Number(ordinal) <= kept.trimmed) continue
    const entry = { ordinal: Number(ordinal), bytes: ownedBytes(value) }
    kept.entries.push(entry)
    journal.adopt(key, encodeEntry(entry))
  }
  for (const { entries } of queues.values()) entries.sort((one, other) => one.ordinal - other.ordinal)
  const hibernations = new Map<string, number>()
  for (const [key, value] of journal.loaded(hibernationPrefix)) {
    const endsAtMs = new ByteReader(value).count()
    hibernations.set(key.slice(hibernationPrefix.length), endsAtMs)
    journal.adopt(key, encodeEnd(endsAtMs))
  }
  return { queues, hibernations }
}

const headPrefix = 'queue '
const entryPrefix = 'entry '
const hibernationPrefix = 'hibernation '

/** Neither a bare JID nor an SM-ID holds a space. */
function keyOf(account: string, queue: string): string {
  return `${account} ${queue}`
}

function headKey(key: string): string {
  return `${headPrefix}${key}`
}

function entryKey(key: string, { born }: Queue, ordinal: number): string {
  return `${entryPrefix}${key} ${born} ${ordinal}`
}

function hibernationKey(name: string): string {
  return `${hibernationPrefix}${name}`
}

function encodeHead(queue: Queue): Encode {
  return (writer) => {
    writer.count(queue.last)
    writer.count(queue.trimmed)
    writer.count(queue.born)
  }
}

function encodeEntry({ bytes }: QueueEntry): Encode {
  return (writer) => writer.raw(bytes)
}

function encodeEnd(endsAtMs: number): Encode {
  return (writer) => writer.count(endsAtMs)
}
