import type { RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { ownedBytes } from '@starling/wire'
import type { RosterView } from './roster.ts'

/** Rosters as bytes, for decisions. */
export interface RosterCodec {
  /** No bytes for no roster. Shape: what was encoded once is kept with the view, which may not change. */
  readonly encode: (roster: RosterView | undefined) => Uint8Array
  /** The items in the order they had. Errors: undefined, as for no bytes, when they are of a version unknown here. */
  readonly decode: (bytes: Uint8Array) => RosterView | undefined
}

/** JID, flags, name, groups, request in base64; what is empty at the end is left out. */
type StoredItem = readonly [BareJid, number, string?, (readonly string[])?, string?]

/** Layout, version of the roster, items. */
type Stored = readonly [number, string, readonly StoredItem[]]

const layout = 1
const subscriptions = ['none', 'to', 'from', 'both'] as const
const flags = { subscription: 3, ask: 4, approved: 8, isListed: 16 } as const
const noBytes = new Uint8Array(0)

/** A codec that encodes each view once. */
export function rosterCodec(): RosterCodec {
  const encoded = new WeakMap<RosterView, Uint8Array>()
  return {
    encode: (roster) => {
      if (roster === undefined) return noBytes
      const known = encoded.get(roster)
      if (known !== undefined) return known
      const stored: Stored = [layout, roster.version, Array.from(roster.items.values(), writeItem)]
      // of its own memory: it lasts as long as the view
      const bytes = ownedBytes(Buffer.from(JSON.stringify(stored)))
      encoded.set(roster, bytes)
      return bytes
    },
    decode: (bytes) => {
      if (bytes.length === 0) return undefined
      const stored = readJson(bytes) as Stored | undefined
      if (stored === undefined || stored[0] !== layout) return undefined
      const [, version, items] = stored
      return { version, items: new Map(items.map((item) => [item[0], readItem(item)])) }
    },
  }
}

function writeItem({ jid, name, groups, subscription, ask, request, approved, isListed }: RosterItem): StoredItem {
  const bits =
    subscriptions.indexOf(subscription) |
    (ask ? flags.ask : 0) |
    (approved ? flags.approved : 0) |
    (isListed ? flags.isListed : 0)
  if (request !== undefined) return [jid, bits, name, groups, Buffer.from(request).toString('base64')]
  if (groups.length > 0) return [jid, bits, name, groups]
  return name === '' ? [jid, bits] : [jid, bits, name]
}

function readItem([jid, bits, name = '', groups = [], request]: StoredItem): RosterItem {
  return {
    jid,
    name,
    groups,
    subscription: subscriptions[bits & flags.subscription] ?? 'none',
    ask: (bits & flags.ask) !== 0,
    approved: (bits & flags.approved) !== 0,
    isListed: (bits & flags.isListed) !== 0,
    ...(request === undefined ? {} : { request: new Uint8Array(Buffer.from(request, 'base64')) }),
  }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
    return Array.isArray(parsed) && Array.isArray(parsed[2]) ? parsed : undefined
  } catch {
    return undefined
  }
}
