import type { Registry } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { ownedBytes, type Remembered } from '@starling/wire'

type Slices = Remembered['slices']

const noSlices: Slices = {}

/**
 * What the pod remembers of a connection's session beside its counts, to give it back should presence forget it (R11).
 * Units: some 500 bytes a session, most of them its presence; what a client can make of it is bounded by one stanza.
 */
export class Keepsake {
  /** Taken while the client was provably there (R5). */
  readonly generation: number
  /** Losses of presence before which nothing of this session was told: see `Pod.losses`. */
  losses: number
  #presence: Uint8Array | undefined
  #isInterested = false
  #slices: Slices

  constructor(generation: number, losses: number, slices: Slices = noSlices) {
    this.generation = generation
    this.losses = losses
    this.#slices = slices
  }

  /** What the client said of its session so far. */
  get remembered(): Remembered {
    const presence = this.#presence
    return { isInterested: this.#isInterested, slices: this.#slices, ...(presence === undefined ? {} : { presence }) }
  }

  /** Takes over what was remembered of a session that goes on here. */
  takeOver({ presence, isInterested, slices }: Remembered): void {
    this.#presence = presence === undefined ? undefined : ownedBytes(presence)
    this.#isInterested = isInterested
    this.#slices = slices
  }

  /** Looks at a stanza of the client for what the session stage will keep of it. */
  note(stanza: Stanza, account: BareJid, registry: Registry): void {
    if (stanza.kind === 'message') return
    if (stanza.kind === 'presence') {
      // RFC 6121 §4.2, §4.4, §4.5
      if (stanza.to === '' && stanza.type === '') this.#presence = ownedBytes(stanza.raw)
      else if (stanza.to === '' && stanza.type === 'unavailable') this.#presence = undefined
      return
    }
    if (stanza.to !== '' && stanza.to !== account) return
    const payload = stanza.payloads[0] ?? ''
    // RFC 6121 §2.1.6: who asks for the roster is an interested resource
    if (stanza.type === 'get' && payload === '{jabber:iq:roster}query') this.#isInterested = true
    const found = registry.findSwitch(stanza.type, payload)
    if (found !== undefined) this.#slices = { ...this.#slices, [found.module]: found.slice }
  }
}

/** The slices that features of Bind 2 begin a session with. Source: XEP-0386 §4. */
export function bind2Slices(features: readonly string[] | undefined, registry: Registry): Slices {
  const found = (features ?? []).flatMap((feature) => registry.findBind2(feature) ?? [])
  return found.length === 0 ? noSlices : Object.fromEntries(found.map(({ module, slice }) => [module, slice]))
}
