import type { Module } from '@starling/core'

/** What Starling itself implements outside modules. */
const core: readonly (readonly [string, string, string])[] = [
  ['RFC 6120', 'XMPP: Core', 'streams, STARTTLS, SASL, binding, stanzas, errors; no server-to-server streams yet'],
  ['RFC 6121', 'XMPP: Instant Messaging and Presence', 'rosters, subscriptions, presence, delivery rules'],
  ['RFC 7622', 'XMPP: Address Format', 'every address is normalised once, where it enters'],
  ['RFC 7590', 'Use of TLS in XMPP', 'TLS 1.2 and 1.3'],
  ['RFC 7395', 'An XMPP Subprotocol for WebSocket', 'by `/xmpp-websocket`'],
  ['XEP-0124, XEP-0206', 'BOSH and XMPP over it', 'by `/http-bind`; one stream a session, no compression'],
  ['RFC 5802, 7677', 'SCRAM-SHA-1 and SCRAM-SHA-256', 'with and without channel binding'],
  ['RFC 9266, 5929', 'Channel bindings for TLS', '`tls-exporter` and `tls-server-end-point`'],
  ['XEP-0156', 'Discovering Alternative XMPP Connection Methods', 'host-meta in both forms'],
  ['XEP-0368', 'SRV records for XMPP over TLS', 'direct TLS with ALPN; the records are the operator’s'],
]

/** Options that the configuration knows by another name (packages/runtime/src/config). */
const renamed: Readonly<Record<string, string>> = {
  'registration.inBand': 'registration.inBand',
  'registration.scramIterations': 'scram.iterations',
}

/** The page of specifications, out of the registration list. */
export function modulesPage(modules: readonly Module[]): string {
  const rows = modules.map(({ spec, name, options }) => {
    const settings = Object.keys(options ?? {}).map((option) => {
      const path = `${name}.${option}`
      return `\`${renamed[path] ?? `modules.${path}`}\``
    })
    const cells = [spec.id, spec.name, spec.version, spec.status, spec.note ?? '', settings.join(' ')]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '# Specifications',
    '',
    'Written by `npm run docs` from `packages/modules/src/modules.ts`, the registration list; change it there.',
    '',
    '## Modules',
    '',
    '| specification | name | version | status | note | options |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '## Outside modules',
    '',
    '| specification | name | note |',
    '|---|---|---|',
    ...core.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n')
}
