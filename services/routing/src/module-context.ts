import { domainOf, type Registry, type RoutingContext, type SessionView } from '@starling/core'
import { type BareJid, fullJid } from '@starling/jid'
import { archiveId, type Json } from '@starling/wire'
import type { RoutedSession } from './account.ts'
import type { DeliveryContext } from './deliver.ts'

/** Makes the context a module's handler is given: each sees its own slices. */
export function contexts(context: DeliveryContext, chosen: readonly string[]): (moduleId: string) => RoutingContext {
  const ids = { given: 0 }
  return (moduleId) => new ModuleContext({ context, chosen, ids }, moduleId)
}

/** What the contexts of one run share. */
interface Shared {
  readonly context: DeliveryContext
  readonly chosen: readonly string[]
  readonly ids: { given: number }
}

/** Made for every handler and stanza, so all that few ask for is made when it is asked for. */
class ModuleContext implements RoutingContext {
  readonly #shared: Shared
  readonly #moduleId: string

  constructor(shared: Shared, moduleId: string) {
    this.#shared = shared
    this.#moduleId = moduleId
  }

  get domain(): BareJid {
    return domainOf(this.#shared.context.at.account)
  }

  get account(): BareJid {
    return this.#shared.context.at.account
  }

  get nowMs(): number {
    return this.#shared.context.atMs
  }

  get option(): RoutingContext['option'] {
    return this.#shared.context.registry.option
  }

  get support(): RoutingContext['support'] {
    return this.#shared.context.registry.support
  }

  get chosen(): readonly string[] {
    return this.#shared.chosen
  }

  get archiveId(): string {
    return archiveId(this.#shared.context.place)
  }

  get accountSlice(): Json {
    return this.slice(this.#moduleId)
  }

  get sessions(): readonly SessionView[] {
    const { registry, at, sessions } = this.#shared.context
    const about = { moduleId: this.#moduleId, registry }
    const views: SessionView[] = []
    for (const [resource, session] of sessions) views.push(view(at.account, resource, session, about))
    return views
  }

  id(): string {
    const { ids, context } = this.#shared
    ids.given += 1
    return `${archiveId(context.place)}-${ids.given}`
  }

  slice(moduleId: string): Json {
    const { registry, at } = this.#shared.context
    return at.now.slices[moduleId] ?? registry.initialAccountSlice(moduleId)
  }
}

function view(
  account: BareJid,
  resource: string,
  session: RoutedSession,
  { moduleId, registry }: { readonly moduleId: string; readonly registry: Registry },
): SessionView {
  return {
    resource,
    jid: fullJid(account, resource),
    isAvailable: session.isAvailable,
    isInterested: false,
    priority: session.priority,
    slice: session.slices[moduleId] ?? registry.initialSlice(moduleId),
  }
}
