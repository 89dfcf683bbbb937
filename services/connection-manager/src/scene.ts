import type { Registry } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { ChannelBindingType } from '@starling/sasl'
import { fastId } from './fast.ts'
import { nameClient } from './fast-secret.ts'
import type { Link } from './link.ts'
import type { Pod } from './pod.ts'
import type { StreamScene } from './stream-scene.ts'
import type { Transport } from './stream-state.ts'
import { pretendSaltOf } from './tls-identity.ts'

const streamIdBytes = 15
const nonceBytes = 18

/** The surroundings of one connection: a view on its pod and its link, without a closure of its own. */
export class ConnectionScene implements StreamScene {
  readonly #pod: Pod
  readonly #link: Link
  readonly transport: Transport

  constructor(pod: Pod, link: Link, transport: Transport) {
    this.#pod = pod
    this.#link = link
    this.transport = transport
  }

  get domain(): BareJid {
    return this.#pod.io.domain
  }

  isServed(domain: string): boolean {
    return this.#pod.io.isServed(domain)
  }

  get isTlsRequired(): boolean {
    return this.#pod.io.settings.c2s.requireTls
  }

  get registry(): Registry {
    return this.#pod.io.registry
  }

  get resumeSeconds(): number {
    return this.#pod.io.settings.sm.resumeSeconds
  }

  get isSasl2On(): boolean {
    return this.registry.modules.some(({ spec }) => spec.id === 'XEP-0388')
  }

  get areTokensOn(): boolean {
    return this.registry.modules.some(({ spec }) => spec.id === fastId)
  }

  clientName(account: BareJid, client: string): string {
    return nameClient(this.#pod.identity().secret, account, client)
  }

  streamId(): string {
    return Buffer.from(this.#pod.io.random(streamIdBytes)).toString('base64url')
  }

  /** Base64 has no comma. Source: RFC 5802 §7. */
  nonce(): string {
    return Buffer.from(this.#pod.io.random(nonceBytes)).toString('base64')
  }

  channelBindings(): readonly ChannelBindingType[] {
    return this.#link.channelBindings()
  }

  channelBinding(type: ChannelBindingType): Uint8Array | undefined {
    return this.#link.channelBinding(type)
  }

  pretendSalt(username: string): { readonly salt: Uint8Array; readonly iterations: number } {
    return pretendSaltOf(this.#pod.identity(), username, this.#pod.io.settings.scram.iterations)
  }

  refusal(): 'resource-constraint' | 'system-shutdown' | undefined {
    if (this.#pod.phase() === 'draining') return 'system-shutdown' // RFC 6120 §4.9.3.20
    return this.#pod.io.isReady() ? undefined : 'resource-constraint' // RFC 6120 §4.9.3.17
  }
}
