import { normalizeResourcepart } from '@starling/jid'
import { ns } from '@starling/stanza'
import type { EnableHead } from '@starling/wire'
import type { Element } from '@starling/xml'
import type { Sasl2Request } from './sasl2-request.ts'
import { readEnable } from './sm-text.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamEffect } from './stream-state.ts'

/** What a client wants of the resource it binds inside of its sign-in. Source: XEP-0386 §3.2. */
export interface BindRequest {
  /** Its word for itself, '' if none. */
  readonly tag: string
  /** Attributes of its `<enable/>` of stream management. Source: XEP-0198 §9.1. */
  readonly enable?: Readonly<Record<string, string>>
  /** What else it switches on, as `{namespace}name`. */
  readonly features: readonly string[]
}

/** Most features looked at in one request; what is beyond is left out. Units: features. */
const maxFeatures = 32

/** Reads a `<bind/>`. Source: XEP-0386 §3.2. */
export function readBindRequest(bind: Element): BindRequest {
  const children = bind.getChildElements()
  const enable = children.find((child) => child.is('enable', ns.sm))
  return {
    tag: bind.getChildText('tag', ns.bind2)?.trim() ?? '',
    features: children
      .filter((child) => child !== enable && child.getNS() !== ns.bind2)
      .slice(0, maxFeatures)
      .map((child) => `{${child.getNS() ?? ''}}${child.getName()}`),
    ...(enable === undefined ? {} : { enable: enable.attrs as Readonly<Record<string, string>> }),
  }
}

/** The feature, with what may be switched on along. Source: XEP-0386 §3.1; XEP-0198 §9.1. */
export function bind2Feature(scene: StreamScene): string {
  const features = [...new Set([...scene.registry.bind2Features, ns.sm])]
  const list = features.map((feature) => `<feature var='${feature}'/>`).join('')
  return `<bind xmlns='${ns.bind2}'><inline>${list}</inline></bind>`
}

/** Asks the session stage for a resource, and all that goes with it. Source: XEP-0386 §3.2. */
export function bindEffect(
  request: Sasl2Request & { readonly bind: BindRequest },
  signedIn: SignedIn,
  scene: StreamScene,
): Extract<StreamEffect, { readonly do: 'bind' }> {
  const { tag, enable, features } = request.bind
  const sm: EnableHead | undefined =
    enable === undefined ? undefined : readEnable({ attributes: enable }, scene.resumeSeconds)
  return {
    do: 'bind',
    signedIn,
    resource: resourceOf(tag, signedIn, { client: request.client, scene }),
    iqId: '',
    tag,
    features,
    ...(sm === undefined ? {} : { sm }),
  }
}

/**
 * The resource of a client that says which installation it is: the same at every bind, so that the session it had before ends
 * with the new one (XEP-0386 §3.2: SHOULD); '' for others, whose resource the session stage makes.
 * Source: XEP-0386 §3.2.1: the tag, '/', and what does not show the client's id.
 */
function resourceOf(
  tag: string,
  { account }: SignedIn,
  { client, scene }: { readonly client: string; readonly scene: StreamScene },
): string {
  if (client === '') return ''
  const name = scene.clientName(account, client)
  const tagged = tag === '' ? undefined : normalizeResourcepart(`${tag}/${name}`)
  return tagged?.ok === true ? tagged.value : `starling-${name}` // §3.2.1: subject to validation
}

/** `<bound/>` around what was switched on. Source: XEP-0386 §3.2. */
export function boundText(inner: string): string {
  return inner === '' ? `<bound xmlns='${ns.bind2}'/>` : `<bound xmlns='${ns.bind2}'>${inner}</bound>`
}
