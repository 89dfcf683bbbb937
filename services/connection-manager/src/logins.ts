import type { PodIo } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { decodeCredentials, type StoredCredentials } from '@starling/sasl'
import { limits } from './limits.ts'
import type { Meters } from './meters.ts'
import type { Later } from './pod.ts'
import { Turns } from './turns.ts'

/** What a sign-in needs to go on. */
export type LoginLookUp =
  | { readonly ok: true; readonly credentials: StoredCredentials | undefined; readonly generation: number }
  | { readonly ok: false }

/**
 * Looks up who wants to sign in, at the pace that the settings allow: beyond it they wait in the order they came, and so do the
 * resumptions behind their sign-ins. Those that went away meanwhile take no turn.
 * Errors: not ok when storage or presence is away, when too many wait, or when the address failed too often; known and
 * unknown names are treated alike.
 */
export class Logins {
  readonly #io: PodIo
  readonly #meters: Meters
  readonly #turns: Turns

  constructor(io: PodIo, meters: Meters, later: Later) {
    this.#io = io
    this.#meters = meters
    const { monotonic } = io
    const perSecond = io.settings.c2s.loginsPerSecond
    this.#turns = new Turns({ perSecond, maxWaiting: limits.waitingLogins, later, monotonic })
  }

  /** Sign-ins that wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting
  }

  /** `isGone` tells while it waits that nobody wants it any more; then it is never answered. */
  async lookUp(account: BareJid, address: string, isGone: () => boolean = () => false): Promise<LoginLookUp> {
    if (!(await this.turn(isGone))) return { ok: false }
    const { presence, inbox, logger } = this.#io
    try {
      const [generation, isAllowed, found] = await Promise.all([
        presence.takeGeneration(account),
        this.#isAllowed(address),
        inbox.ask(account, { query: 'account.get', args: { jid: account } }, limits.askTimeoutMs),
      ])
      if (!isAllowed || !found.ok) return { ok: false }
      const text = credentialsIn(found.value)
      if (text === undefined) return { ok: true, credentials: undefined, generation }
      const credentials = decodeCredentials(text)
      if (credentials.ok) return { ok: true, credentials: credentials.value, generation }
      logger.error({ what: 'credentials-unreadable' })
      return { ok: false }
    } catch (error) {
      logger.warn({ what: 'login-look-up-failed', error })
      return { ok: false }
    }
  }

  /** Waits for its turn and runs another look-up; undefined when the address failed too often, or when too many wait. */
  async take<T>(address: string, isGone: () => boolean, lookUp: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.turn(isGone))) return undefined
    const [isAllowed, found] = await Promise.all([this.#isAllowed(address), lookUp()])
    return isAllowed ? found : undefined
  }

  /** Counts a failed attempt of an address, over all pods. */
  failed(address: string): void {
    this.#io.presence.addToCounter(counterOf(address), 1, limits.failureWindowMs).catch((error: unknown) => {
      this.#io.logger.debug({ what: 'failure-not-counted', error })
    })
  }

  /** Nobody signs in any more. */
  close(): void {
    this.#turns.close()
  }

  /** Waits for a turn to sign in; false when too many wait. */
  turn(isGone: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#turns.take({ run: () => resolve(true), isGone })) return
      this.#meters.refused.add(1, { limit: 'waitingLogins' })
      resolve(false)
    })
  }

  async #isAllowed(address: string): Promise<boolean> {
    const failed = await this.#io.presence.addToCounter(counterOf(address), 0, limits.failureWindowMs)
    if (failed < limits.failuresPerAddress) return true
    this.#meters.refused.add(1, { limit: 'failuresPerAddress' })
    return false
  }
}

function counterOf(address: string): string {
  return `login-failures:${address}`
}

function credentialsIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('credentials' in value)) return undefined
  return typeof value.credentials === 'string' ? value.credentials : undefined
}
