import type { Presence, QueueChange, QueueEntry } from '@starling/core'

/** The part of presence that keeps what clients have not acknowledged, and who hibernates. */
export type Queues = Pick<
  Presence,
  'trimQueues' | 'readQueues' | 'noteHibernations' | 'endedHibernations' | 'forgetHibernations'
>

interface Queue {
  /** Ordinal of the newest entry there ever was. */
  last: number
  entries: QueueEntry[]
}

/** Queues and hibernations in this process's memory. */
export function memoryQueues(): Queues & { readonly change: (account: string, change: QueueChange) => void } {
  const queues = new Map<string, Queue>()
  const hibernations = new Map<string, number>()
  const keyOf = (account: string, queue: string): string => `${account} ${queue}`

  return {
    change: (account, { queue, append, isEnded }) => {
      const key = keyOf(account, queue)
      if (isEnded === true) {
        queues.delete(key)
        return
      }
      const kept = queues.get(key) ?? { last: 0, entries: [] }
      for (const { ordinal, bytes } of append) {
        if (ordinal <= kept.last) continue
        kept.last = ordinal
        // Copied: a caller's bytes may be a view into a whole batch, or change.
        kept.entries.push({ ordinal, bytes: bytes.slice() })
      }
      queues.set(key, kept)
    },
    trimQueues: async (places) => {
      for (const { account, queue, ordinal } of places) {
        const kept = queues.get(keyOf(account, queue))
        if (kept !== undefined) kept.entries = kept.entries.filter((entry) => entry.ordinal > ordinal)
      }
    },
    readQueues: async (places, limit) =>
      places.map(({ account, queue, ordinal }) =>
        (queues.get(keyOf(account, queue))?.entries ?? []).filter((entry) => entry.ordinal > ordinal).slice(0, limit),
      ),
    noteHibernations: async (noted) => {
      for (const { name, endsAtMs } of noted) hibernations.set(name, endsAtMs)
    },
    endedHibernations: async (nowMs, limit) =>
      [...hibernations]
        .filter(([, endsAtMs]) => endsAtMs <= nowMs)
        .sort(([, one], [, other]) => one - other)
        .slice(0, limit)
        .map(([name]) => name),
    forgetHibernations: async (names) => {
      for (const name of names) hibernations.delete(name)
    },
  }
}
