import type { PodIo } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { decodeCredentials, type StoredCredentials } from '@starling/sasl'
import { limits } from './limits.ts'
import type { Meters } from './meters.ts'
import type { Later } from './pod.ts'
import { TokenBucket } from './token-bucket.ts'

/** What a sign-in needs to go on. */
export type LoginLookUp =
  | { readonly ok: true; readonly credentials: StoredCredentials | undefined; readonly generation: number }
  | { readonly ok: false }

const turnMs = 20

/**
 * Looks up who wants to sign in, at the pace that the settings allow.
 * Errors: not ok when storage or presence is away, when too many wait, or when the address failed too often; known and
 * unknown names are treated alike.
 */
export class Logins {
  readonly #io: PodIo
  readonly #meters: Meters
  readonly #later: Later
  readonly #rate: TokenBucket
  readonly #waiting: (() => void)[] = []
  #isTurning = false

  constructor(io: PodIo, meters: Meters, later: Later) {
    this.#io = io
    this.#meters = meters
    this.#later = later
    this.#rate = new TokenBucket(io.settings.c2s.loginsPerSecond, io.monotonic())
  }

  /** Sign-ins that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length
  }

  async lookUp(account: BareJid, address: string): Promise<LoginLookUp> {
    if (!(await this.#turn())) return { ok: false }
    const { presence, inbox, logger } = this.#io
    try {
      const [generation, failed, found] = await Promise.all([
        presence.takeGeneration(account),
        presence.addToCounter(counterOf(address), 0, limits.failureWindowMs),
        inbox.ask(account, { query: 'account.get', args: { jid: account } }, limits.askTimeoutMs),
      ])
      if (failed >= limits.failuresPerAddress) {
        this.#meters.refused.add(1, { limit: 'failuresPerAddress' })
        return { ok: false }
      }
      if (!found.ok) return { ok: false }
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

  /** Counts a failed attempt of an address, over all pods. */
  failed(address: string): void {
    this.#io.presence.addToCounter(counterOf(address), 1, limits.failureWindowMs).catch((error: unknown) => {
      this.#io.logger.debug({ what: 'failure-not-counted', error })
    })
  }

  #turn(): Promise<boolean> {
    if (this.#waiting.length === 0 && this.#rate.tryTake(this.#io.monotonic())) return Promise.resolve(true)
    if (this.#waiting.length >= limits.waitingLogins) {
      this.#meters.refused.add(1, { limit: 'waitingLogins' })
      return Promise.resolve(false)
    }
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(true))
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isTurning) return
    this.#isTurning = true
    this.#later(turnMs, () => {
      this.#isTurning = false
      while (this.#waiting.length > 0 && this.#rate.tryTake(this.#io.monotonic())) this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }
}

function counterOf(address: string): string {
  return `login-failures:${address}`
}

function credentialsIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('credentials' in value)) return undefined
  return typeof value.credentials === 'string' ? value.credentials : undefined
}
