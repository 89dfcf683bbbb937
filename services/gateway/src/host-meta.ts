import type { Settings } from '@starling/core'
import { normalizeDomainpart } from '@starling/jid'

/** One way to connect. Source: XEP-0156 §2.1. */
export interface Connection {
  readonly rel: 'urn:xmpp:alt-connections:websocket' | 'urn:xmpp:alt-connections:xbosh'
  readonly href: string
}

/** Where host-meta is served. Source: XEP-0156 §2, RFC 6415 §2. */
export const hostMetaPaths = { xrd: '/.well-known/host-meta', jrd: '/.well-known/host-meta.json' } as const

/**
 * The addresses that clients of a domain are told: it stands where the settings have `{domain}`.
 * Source: XEP-0156 §2.2 wants TLS: whoever serves the public configures the addresses of what ends it.
 */
export function connectionsOf({ c2s, ports, portOffset }: Settings, domain: string): readonly Connection[] {
  const own = `{domain}:${ports.http + portOffset}`
  const href = (template: string): string => template.replaceAll('{domain}', domain)
  return [
    { rel: 'urn:xmpp:alt-connections:websocket', href: href(c2s.websocketUrl || `ws://${own}/xmpp-websocket`) },
    { rel: 'urn:xmpp:alt-connections:xbosh', href: href(c2s.boshUrl || `http://${own}/http-bind`) },
  ]
}

/** Whose host-meta a request wants: that of the host it asks, where that is served, else of the first domain. Source: RFC 6415 §2. */
export function domainAsked(host: string, { domain }: Pick<Settings, 'domain'>, isServed: (domain: string) => boolean) {
  const normalized = normalizeDomainpart(host)
  return normalized.ok && isServed(normalized.value) ? host : domain
}

/** Host metadata as XML. Source: XEP-0156 §2.3, RFC 6415 §3. */
export function hostMetaXrd(connections: readonly Connection[]): string {
  const quoted = (href: string): string => href.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')
  const links = connections.map(({ rel, href }) => `  <Link rel="${rel}" href="${quoted(href)}"/>\n`)
  return `<?xml version='1.0' encoding='utf-8'?>
<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>
${links.join('')}</XRD>
`
}

/** Host metadata as JSON. Source: XEP-0156 §2.3, RFC 6415 appendix A. */
export function hostMetaJrd(connections: readonly Connection[]): { readonly links: readonly Connection[] } {
  return { links: connections }
}
