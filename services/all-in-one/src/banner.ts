import type { Settings } from '@starling/core'

/** What a person needs to know once everything runs. */
export function banner(settings: Settings, ports: Readonly<Record<string, number>>): string {
  const { domain, dataDir } = settings
  const host = domain.includes(':') ? `[${domain}]` : domain
  const isEmbedded = settings.log.brokers.length === 0
  const rows: readonly (readonly [string, string])[] = [
    ['XMPP', `${host}:${ports['c2s']} (STARTTLS), ${host}:${ports['c2sTls']} (direct TLS)`],
    ['WebSocket', `ws://${host}:${ports['http']}/xmpp-websocket`],
    ['BOSH', `http://${host}:${ports['http']}/http-bind`],
    ['HTTP', `http://${host}:${ports['http']}: /api /healthz /readyz /metrics /.well-known/host-meta`],
    ['Data', isEmbedded ? `${dataDir} (one process, SQLite)` : 'in Kafka, Redis and PostgreSQL'],
  ]
  const lines = rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`)
  const own = settings.tls.certificateFile === '' ? ' The certificate is self-signed: let the client accept it.' : ''
  return `
Starling serves ${domain}

${lines.join('\n')}

Create an account:  npm run starling -- account create alice@${domain} secret
Connect a client:   any XMPP client (Gajim, Dino, profanity…) as alice@${domain}, server ${host}, port ${ports['c2s']}.${own}
                    profanity:  /connect alice@${domain} server ${host} port ${ports['c2s']} tls trust
End it:             Ctrl-C

`
}
