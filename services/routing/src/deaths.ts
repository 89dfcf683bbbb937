import type { AccountState, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Place, Target } from '@starling/wire'

/** The end of a pod's life, and where in this partition it stands (R7). */
export interface Death {
  readonly slot: number
  readonly epoch: number
  readonly at: Place
}

/** Deaths by slot, ascending by place and by epoch. */
export type Deaths = ReadonlyMap<number, readonly Death[]>

/** Units: deaths kept beside the newest of each slot, so that a repeated record finds those that it found (R3). */
export const maxOlderDeaths = 32

const field = 'deaths'
const deathBytes = 22

/** Under which account a partition's deaths are kept; no address looks like it. */
export function deathsAccount(partition: number): BareJid {
  return `#${partition}` as BareJid
}

/** Reads a partition's deaths. Errors: what cannot be read counts as absent. */
export function readDeaths({ fields }: AccountState): Deaths {
  const deaths = new Map<number, Death[]>()
  const bytes = fields.get(field)
  if (bytes === undefined) return deaths
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + deathBytes <= view.length; at += deathBytes) {
    const slot = view.readUInt16BE(at)
    const death: Death = {
      slot,
      epoch: view.readDoubleBE(at + 2),
      at: { offset: view.readDoubleBE(at + 10), index: view.readUInt32BE(at + 18) },
    }
    const some = deaths.get(slot)
    if (some === undefined) deaths.set(slot, [death])
    else some.push(death)
  }
  return deaths
}

/** Takes a death; one that is known, or that a later life of the slot has left behind, changes nothing. */
export function withDeath(deaths: Deaths, death: Death): Deaths {
  const known = deaths.get(death.slot) ?? []
  if (known.some(({ epoch }) => epoch >= death.epoch)) return deaths
  return new Map(deaths).set(death.slot, [...known, death])
}

/**
 * Whether a connection's pod was dead for the record at `place`: its death stands before that record, however often and in
 * whatever batch the record is handled.
 */
export function isDeadAt(deaths: Deaths, { slot, epoch }: Target, place: Place): boolean {
  const known = deaths.get(slot)
  if (known === undefined) return false
  return known.some((death) => death.epoch >= epoch && isBefore(death.at, place))
}

/** What a batch that begins at `firstOffset` saves of its deaths; undefined when there is nothing new. */
export function deathsSave(
  partition: number,
  { before, after, mark, firstOffset }: { before: Deaths; after: Deaths; mark: number; firstOffset: number },
): StateSave | undefined {
  if (before === after) return undefined
  const all = [...after.values()].flatMap((some) =>
    some.map((death, at) => ({ death, isNewest: at === some.length - 1 })),
  )
  const older = all
    .filter(({ isNewest }) => !isNewest)
    .map(({ death }) => death)
    .sort((one, other) => (isBefore(one.at, other.at) ? 1 : -1))
  const kept = new Set(older.filter(({ at }, place) => place < maxOlderDeaths || at.offset >= firstOffset))
  const rest = all.filter(({ death, isNewest }) => isNewest || kept.has(death)).map(({ death }) => death)
  return { account: deathsAccount(partition), mark, set: new Map([[field, encode(rest)]]), remove: [] }
}

function encode(deaths: readonly Death[]): Uint8Array {
  const out = Buffer.alloc(deaths.length * deathBytes)
  for (const [number, { slot, epoch, at }] of deaths.entries()) {
    const start = number * deathBytes
    out.writeUInt16BE(slot, start)
    out.writeDoubleBE(epoch, start + 2)
    out.writeDoubleBE(at.offset, start + 10)
    out.writeUInt32BE(at.index, start + 18)
  }
  return out
}

function isBefore(one: Place, other: Place): boolean {
  return one.offset < other.offset || (one.offset === other.offset && one.index < other.index)
}
