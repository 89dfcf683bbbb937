import type { Input, Presence, QueueEntry, QueuePlace } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { SmSession } from './account.ts'
import type { Working } from './working.ts'

/** Units: entries of one queue that one record has sent again; a client with more asks again from where it got. */
export const maxEntries = 50_000

/** Source: XEP-0198 §4: `h` begins again at 0 there. */
const countModulus = 2 ** 32

/** What a client's `h` says of a session. */
export type Handled =
  | { readonly ok: true; readonly acked: number }
  /** More than it was sent, or less than it had before. */
  | { readonly ok: false }

/** The ordinal that `h` stands for: the highest up to the last delivery. Source: XEP-0198 §4, §5. */
export function handledUpTo({ last, acked }: SmSession, h: number): Handled {
  const distance = (((last - h) % countModulus) + countModulus) % countModulus
  return last - distance < acked ? { ok: false } : { ok: true, acked: last - distance }
}

/** Units: deliveries above an ordinal that presence lost before the client acknowledged them (R11). */
export function lostAbove({ lostTo = 0 }: SmSession, acked: number): number {
  return Math.max(0, lostTo - acked)
}

/** An ordinal as clients count. */
export function asHandled(ordinal: number): number {
  return ordinal % countModulus
}

/** What is in the queues of sessions that are resumed or over in a batch, as stored before it. */
export type Queued = ReadonlyMap<string, readonly QueueEntry[]>

const keyOf = (account: string, queue: string): string => `${account} ${queue}`

/** Changes that do something with what a session's client has not acknowledged. */
const needsQueue: ReadonlySet<string> = new Set(['resumed', 'ended', 'bound', 'restored'])

/** Reads the queues that a batch needs, one pipeline; none, and no pipeline, for most batches. */
export async function readQueued(
  inputs: readonly Input[],
  accounts: ReadonlyMap<string, Working>,
  presence: Presence,
): Promise<Queued> {
  const places = new Map<string, QueuePlace>()
  for (const { envelope, place } of inputs) {
    if (envelope.kind !== 'state') continue
    const { head } = envelope
    if (!needsQueue.has(head.change)) continue
    if (!('resource' in head)) continue
    const at = accounts.get(envelope.key)
    const sm = at?.stored.sessions.get(head.resource)?.sm
    if (at === undefined || sm === undefined || place.offset <= at.mark) continue
    const handled = head.change === 'resumed' ? handledUpTo(sm, head.h) : { ok: true as const, acked: 0 }
    const ordinal = handled.ok ? handled.acked : sm.last
    const key = keyOf(envelope.key, sm.id)
    const known = places.get(key)
    if (known !== undefined && known.ordinal <= ordinal) continue
    places.set(key, { account: envelope.key as BareJid, queue: sm.id, ordinal })
  }
  if (places.size === 0) return new Map()
  const read = await presence.readQueues([...places.values()], maxEntries)
  return new Map([...places.keys()].map((key, index) => [key, read[index] ?? []]))
}

/**
 * What a session's client has not acknowledged above an ordinal, ascending: what was stored, then what this batch added.
 * Order: entries that another owner of the partition stored meanwhile are left out, they are made here again (R3).
 */
export function unacked(queued: Queued, at: Working, { id, acked }: SmSession, above: number): readonly QueueEntry[] {
  const storedLast = [...at.stored.sessions.values()].find(({ sm }) => sm?.id === id)?.sm?.last ?? 0
  const from = Math.max(above, acked) // what a resumption acknowledged may stand there still
  const stored = queued.get(keyOf(at.account, id)) ?? []
  const added = at.appended.flatMap(({ queue, entry }) => (queue === id ? [entry] : []))
  return [...stored.filter(({ ordinal }) => ordinal <= storedLast), ...added].filter(({ ordinal }) => ordinal > from)
}
