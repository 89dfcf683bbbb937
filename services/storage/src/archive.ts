import { type ArchiveContext, type ArchiveRow, domainOf, type Input, type Registry } from '@starling/core'
import { type BareJid, bareOf, isFull, resourcepartOf } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { archiveId, type Json } from '@starling/wire'

/** Account slices by module id. */
export type Slices = Readonly<Record<string, Json>>

/** A message of routing's inbox that may be archived, and for whom. */
export interface Candidate {
  readonly input: Input
  readonly owner: BareJid
  readonly stanza: Stanza
  /** The other side. */
  readonly peer: Stanza['to']
}

/** The message of an input, if it is one that an archive might keep (what was archived already is not). */
export function candidateOf(input: Input): Candidate | undefined {
  const { envelope } = input
  if (envelope.kind !== 'deliver' && envelope.kind !== 'sent') return undefined
  const { stanza } = envelope
  if (stanza.kind !== 'message' || (envelope.kind === 'deliver' && envelope.head?.isReplay === true)) return undefined
  const peer = envelope.kind === 'sent' ? stanza.to : stanza.from
  return peer === '' ? undefined : { input, owner: envelope.key as BareJid, stanza, peer }
}

/** Whose data a module works on, and why. */
export interface About {
  readonly account: BareJid
  readonly input: Input
  readonly slices: Slices
  readonly isAvailable: boolean
  readonly random: (bytes: number) => Uint8Array
}

/** What a module is told in storage. */
export function storageContext(registry: Registry, about: About, moduleId: string): ArchiveContext {
  return new ModuleContext(registry, about, moduleId)
}

/** Made for every handler and message, so all that few ask for is made when it is asked for. */
class ModuleContext implements ArchiveContext {
  readonly #registry: Registry
  readonly #about: About
  readonly #moduleId: string
  #ids = 0

  constructor(registry: Registry, about: About, moduleId: string) {
    this.#registry = registry
    this.#about = about
    this.#moduleId = moduleId
  }

  get domain(): BareJid {
    return domainOf(this.#about.account)
  }

  get account(): BareJid {
    return this.#about.account
  }

  get nowMs(): number {
    return this.#about.input.envelope.atMs
  }

  get option(): ArchiveContext['option'] {
    return this.#registry.option
  }

  get support(): ArchiveContext['support'] {
    return this.#registry.support
  }

  get accountSlice(): Json {
    return this.slice(this.#moduleId)
  }

  get archiveId(): string {
    return archiveId(this.#about.input.place)
  }

  get isAvailable(): boolean {
    return this.#about.isAvailable
  }

  get isSentCopy(): boolean {
    return this.#about.input.envelope.kind === 'sent'
  }

  get random(): About['random'] {
    return this.#about.random
  }

  id(): string {
    this.#ids += 1
    return `${this.archiveId}-${this.#ids}`
  }

  slice(moduleId: string): Json {
    return this.#about.slices[moduleId] ?? this.#registry.initialAccountSlice(moduleId)
  }
}

/** The row to keep; undefined where a module says that this message is not archived for this account. */
export function archiveRow(
  candidate: Candidate,
  registry: Registry,
  more: Pick<About, 'slices' | 'random'>,
): ArchiveRow | undefined {
  const { input, owner, stanza, peer } = candidate
  const about: About = { ...more, account: owner, input, isAvailable: false }
  const run = registry.runAll('archive.store', stanza, (moduleId) => storageContext(registry, about, moduleId))
  if (run.isStopped || peer === '') return undefined
  return {
    owner,
    id: archiveId(input.place),
    atMs: input.envelope.atMs,
    peer: bareOf(peer),
    ...(isFull(peer) ? { peerResource: resourcepartOf(peer) } : {}),
    raw: run.stanza.raw,
  }
}
