import { domainOf, type SessionContext, type SessionView } from '@starling/core'
import { fullJid } from '@starling/jid'
import type { Session } from './account.ts'
import { freshId, type Turn } from './turn.ts'

/** Makes the context a module's handler is given: each sees its own slices. */
export function contextOf(turn: Turn, own: Session | undefined): (moduleId: string) => SessionContext {
  return (moduleId) => new ModuleContext(turn, own, moduleId)
}

/** Made for every handler and stanza, so all that few ask for is made when it is asked for. */
class ModuleContext implements SessionContext {
  readonly #turn: Turn
  readonly #account: Turn['account']
  readonly #own: Session | undefined
  readonly #moduleId: string

  constructor(turn: Turn, own: Session | undefined, moduleId: string) {
    this.#turn = turn
    this.#account = turn.account
    this.#own = own
    this.#moduleId = moduleId
  }

  get domain(): SessionContext['domain'] {
    return domainOf(this.#account.jid)
  }

  get account(): SessionContext['account'] {
    return this.#account.jid
  }

  get nowMs(): number {
    return this.#turn.nowMs
  }

  get option(): SessionContext['option'] {
    return this.#turn.ports.registry.option
  }

  get support(): SessionContext['support'] {
    return this.#turn.ports.registry.support
  }

  get accountSlice(): SessionContext['accountSlice'] {
    return this.#account.slices[this.#moduleId] ?? this.#turn.ports.registry.initialAccountSlice(this.#moduleId)
  }

  get sessions(): readonly SessionView[] {
    return [...this.#account.sessions.values()].map((session) => this.#view(session))
  }

  get own(): SessionView | undefined {
    return this.#own === undefined ? undefined : this.#view(this.#own)
  }

  id(): string {
    return freshId(this.#turn)
  }

  #view(session: Session): SessionView {
    return {
      resource: session.resource,
      jid: fullJid(this.#account.jid, session.resource),
      isAvailable: session.presence !== undefined,
      isInterested: session.isInterested,
      priority: session.presence?.priority ?? 0,
      slice: session.slices[this.#moduleId] ?? this.#turn.ports.registry.initialSlice(this.#moduleId),
    }
  }
}
