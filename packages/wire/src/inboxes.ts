/** One inbox: a topic and what keys it. */
export interface Inbox {
  /** Number in causes and archive ids; never reused. */
  readonly number: number
  /** Topic name; the version at its end changes when its partition count or its keying does (R9). */
  readonly topic: string
  /** Partition count a deploy step makes by default. */
  readonly partitions: number
  /** What the key is, for people. */
  readonly key: string
  /** Units: hours a record is kept. */
  readonly retentionHours: number
}

/** Every inbox of Starling: the one table that topic creation, docs and stages read. */
export const inboxes = {
  session: { number: 1, topic: 'starling.session.1', partitions: 64, key: "account's bare JID", retentionHours: 72 },
  routing: { number: 2, topic: 'starling.routing.1', partitions: 64, key: "recipient's bare JID", retentionHours: 72 },
  storage: { number: 3, topic: 'starling.storage.1', partitions: 64, key: "owner's bare JID", retentionHours: 72 },
  pod: { number: 4, topic: 'starling.pod.1', partitions: 256, key: 'slot (explicit)', retentionHours: 1 },
} as const satisfies Record<string, Inbox>

/** Name of an inbox. */
export type InboxName = keyof typeof inboxes

/** Names in a fixed order. */
export const inboxNames: readonly InboxName[] = ['session', 'routing', 'storage', 'pod']

/**
 * The source that causes name (R3): the number of the inbox where its own stage speaks, one apart where another reads it too. Two
 * stages are never equally far in one inbox; under one number what the slower one says would count as a repetition.
 */
export function causeSource(inbox: InboxName, stage: string): number {
  return stage === inbox ? inboxes[inbox].number : inboxes[inbox].number + 16
}

/** Partition of a key: murmur2 as Kafka's own clients count it, so that outside tools agree. */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions
}

function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const length = data.length
  let h = (0x9747b28c ^ length) | 0
  const view = Buffer.from(data.buffer, data.byteOffset, length)
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(view.readInt32LE(i), m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = length - whole
  if (rest > 0) {
    for (let i = rest - 1; i >= 0; i--) h ^= (view[whole + i] ?? 0) << (8 * i)
    h = Math.imul(h, m)
  }
  h ^= h >>> 13
  h = Math.imul(h, m)
  return h ^ (h >>> 15)
}
