import type { PodIo, QueryArgs, QueryCall, QueryName, QueryResult } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { TokenCandidate } from '@starling/sasl'
import { makeToken } from './fast-secret.ts'
import {
  endOf,
  issueSlot,
  readSlots,
  type SlotName,
  slotOrder,
  type TokenSlot,
  type TokenSlots,
  useSlot,
  writeSlots,
} from './fast-slots.ts'
import { limits } from './limits.ts'
import type { Sasl2Request } from './sasl2-request.ts'
import type { IssuedToken } from './sasl2-text.ts'

/** What the tokens of one client were when it was looked up. */
export interface HeldTokens {
  readonly client: string
  readonly credentials: string
  readonly slots: TokenSlots
  /** Which slot each candidate stands in. */
  readonly names: readonly SlotName[]
  readonly candidates: readonly TokenCandidate[]
}

/** A token that signed a client in. */
export interface UsedToken {
  readonly held: HeldTokens
  /** Its place among the candidates. */
  readonly index: number
}

/** Why a right token signs nobody in: it, or its count, was used before; or its use could not be written down. */
export type TokenRefusal = 'not-authorized' | 'temporary-auth-failure'

/** What came of settling. */
export type Settled =
  | { readonly ok: true; readonly generation?: number; readonly issued?: IssuedToken }
  | { readonly ok: false; readonly condition: TokenRefusal }

/** What tokens need of their pod. */
export interface FastPorts {
  readonly io: PodIo
  readonly secret: () => Uint8Array
}

/** Kind of the documents that hold a client's slots; their name is the client's id. */
export const tokenKind = 'fast-token'

const dayMs = 86_400_000
const nonceBytes = 32
/** Part of a token's life that is left when it is renewed unasked. Source: XEP-0484 §3.5. */
const renewedWithin = 1 / 3
/** How long one count of one token is remembered apart from its slot, so that of two uses at once one is refused. */
const countWindowMs = 600_000

/**
 * The tokens that clients sign in with.
 * Source: XEP-0484.
 * Errors: what storage or presence cannot do is `temporary-auth-failure`; a new token that cannot be kept is not given out.
 */
export class Fast {
  readonly #io: PodIo
  readonly #secret: () => Uint8Array

  constructor({ io, secret }: FastPorts) {
    this.#io = io
    this.#secret = secret
  }

  /** The tokens that a client may hold for a mechanism; none for whom there is no account. */
  async lookUp(account: BareJid, client: string, mechanism: string): Promise<HeldTokens | undefined> {
    const [found, document] = await Promise.all([
      this.#ask(account, 'account.get', { jid: account }),
      this.#ask(account, 'document.get', { owner: account, kind: tokenKind, name: client }),
    ])
    if (!found.ok || !document.ok) return undefined
    const credentials = found.value?.credentials
    const slots = document.value === undefined || credentials === undefined ? {} : readSlots(document.value.body)
    const nowMs = this.#io.clock()
    const names: SlotName[] = []
    const candidates: TokenCandidate[] = []
    for (const name of slotOrder) {
      const slot = slots[name]
      if (slot === undefined || credentials === undefined || slot.mechanism !== mechanism) continue // §3.4: its own mechanism alone
      names.push(name)
      const token = makeToken(this.#secret(), { account, client, slot, credentials })
      candidates.push({ token, isExpired: slot.expiresAtMs <= nowMs })
    }
    return { client, credentials: credentials ?? '', slots, names, candidates }
  }

  /** Counts a token's use, forgets or renews it, makes the one that was asked for; durable when it resolves. */
  async settle(account: BareJid, request: Sasl2Request, used: UsedToken | undefined): Promise<Settled> {
    if (used === undefined) {
      const issued = await this.#issueFirst(account, request)
      return issued === undefined ? { ok: true } : { ok: true, issued }
    }
    const name = used.held.names[used.index]
    const slot = name === undefined ? undefined : used.held.slots[name]
    if (name === undefined || slot === undefined) return { ok: false, condition: 'not-authorized' }
    const count = request.fast?.count
    if (!(await this.#isFresh(slot, count))) return { ok: false, condition: 'not-authorized' }
    // R5: with a count, this is behind every earlier sign-in of the client; then the generation may be taken
    const generation = await this.#io.presence.takeGeneration(account)
    const isInvalidating = request.fast?.isInvalidating === true
    const kept = isInvalidating ? {} : useSlot(used.held.slots, name, count) // §3.6: immediately
    const mechanism = request.tokenMechanism ?? (isInvalidating || !this.#isDue(slot) ? undefined : slot.mechanism)
    const made = mechanism === undefined ? undefined : this.#makeSlot(mechanism)
    const slots = made === undefined ? kept : issueSlot(kept, made)
    const isChanged = isInvalidating || made !== undefined || name === 'next' || count !== undefined
    if (isChanged && !(await this.#keep(account, used.held.client, slots))) {
      return { ok: false, condition: 'temporary-auth-failure' }
    }
    if (made === undefined) return { ok: true, generation }
    return { ok: true, generation, issued: this.#tokenOf(account, used.held, made) }
  }

  /** §3.2: a token for a client that signed in by a password. Errors: none is given out where it cannot be kept. */
  async #issueFirst(account: BareJid, { client, tokenMechanism }: Sasl2Request): Promise<IssuedToken | undefined> {
    if (tokenMechanism === undefined) return undefined
    const [found, documents] = await Promise.all([
      this.#ask(account, 'account.get', { jid: account }),
      this.#ask(account, 'document.list', { owner: account, kind: tokenKind }),
    ])
    if (!found.ok || !documents.ok || found.value === undefined) return undefined
    const own = documents.value.find(({ name }) => name === client)
    const others = documents.value
      .filter((one) => one !== own)
      .map(({ name, body }) => ({ name, slots: readSlots(body) }))
    const slot = this.#makeSlot(tokenMechanism)
    const slots = issueSlot(own === undefined ? {} : readSlots(own.body), slot)
    const [isKept] = await Promise.all([this.#keep(account, client, slots), this.#prune(account, others)])
    if (!isKept) return undefined
    return this.#tokenOf(account, { client, credentials: found.value.credentials }, slot)
  }

  /** R8: clients whose tokens are over are forgotten, and beyond the limit those whose tokens end first. */
  async #prune(
    account: BareJid,
    others: readonly { readonly name: string; readonly slots: TokenSlots }[],
  ): Promise<void> {
    const nowMs = this.#io.clock()
    const room = this.#option('maxClients') - 1
    const alive = others.filter(({ slots }) => endOf(slots) > nowMs).sort((a, b) => endOf(b.slots) - endOf(a.slots))
    const kept = new Set(alive.slice(0, room))
    for (const other of others) {
      if (kept.has(other)) continue
      await this.#ask(account, 'document.remove', { owner: account, kind: tokenKind, name: other.name })
    }
  }

  async #keep(account: BareJid, client: string, slots: TokenSlots): Promise<boolean> {
    const key = { owner: account, kind: tokenKind, name: client }
    if (slots.current === undefined && slots.next === undefined) {
      return (await this.#ask(account, 'document.remove', key)).ok
    }
    return (await this.#ask(account, 'document.put', { ...key, body: writeSlots(slots) })).ok
  }

  /** §3.4: a count at or below one that was used is a replay; of two at once presence lets one pass. */
  async #isFresh(slot: TokenSlot, count: number | undefined): Promise<boolean> {
    if (count === undefined) return true
    if (count <= slot.count) return false
    return (await this.#io.presence.addToCounter(`fast:${slot.nonce}:${count}`, 1, countWindowMs)) === 1
  }

  #isDue(slot: TokenSlot): boolean {
    return slot.expiresAtMs - this.#io.clock() < this.#lifeMs() * renewedWithin
  }

  #makeSlot(mechanism: string): TokenSlot {
    const nonce = Buffer.from(this.#io.random(nonceBytes)).toString('base64url')
    return { nonce, mechanism, expiresAtMs: this.#io.clock() + this.#lifeMs(), count: 0 }
  }

  #tokenOf(
    account: BareJid,
    { client, credentials }: { readonly client: string; readonly credentials: string },
    slot: TokenSlot,
  ): IssuedToken {
    const token = makeToken(this.#secret(), { account, client, slot, credentials })
    return { token, expiresAtMs: slot.expiresAtMs }
  }

  #lifeMs(): number {
    return this.#option('tokenDays') * dayMs
  }

  #option(name: string): number {
    return Number(this.#io.registry.option(fastId, name))
  }

  async #ask<N extends QueryName>(
    account: BareJid,
    query: N,
    args: QueryArgs<N>,
  ): Promise<{ readonly ok: true; readonly value: QueryResult<N> } | { readonly ok: false }> {
    const call = { query, args } as unknown as QueryCall
    const answered = await this.#io.inbox.ask(account, call, limits.askTimeoutMs)
    return answered.ok ? { ok: true, value: answered.value as QueryResult<N> } : { ok: false }
  }
}

/** Module whose options tokens obey, and that says whether there are any. */
export const fastId = 'XEP-0484'
