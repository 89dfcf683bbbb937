import type { Settings } from '@starling/core'

const relation = 'urn:xmpp:alt-connections:websocket'

/** Where host-meta is served. Source: XEP-0156 §3, RFC 6415 §2. */
export const hostMetaPaths = { xrd: '/.well-known/host-meta', jrd: '/.well-known/host-meta.json' } as const

/**
 * The WebSocket address clients are told.
 * Source: XEP-0156 §3.2 wants wss:// over HTTPS: whoever serves the public configures the address of what ends TLS.
 */
export function websocketUrl(settings: Settings): string {
  const { c2s, domain, ports, portOffset } = settings
  return c2s.websocketUrl === '' ? `ws://${domain}:${ports.http + portOffset}/xmpp-websocket` : c2s.websocketUrl
}

/** Host metadata as XML. Source: XEP-0156 §3.3, RFC 6415 §3. */
export function hostMetaXrd(url: string): string {
  const href = url.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')
  return `<?xml version='1.0' encoding='utf-8'?>
<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>
  <Link rel="${relation}" href="${href}"/>
</XRD>
`
}

/** Host metadata as JSON. Source: XEP-0156 §3.3, RFC 6415 appendix A. */
export function hostMetaJrd(url: string): {
  readonly links: readonly { readonly rel: string; readonly href: string }[]
} {
  return { links: [{ rel: relation, href: url }] }
}
