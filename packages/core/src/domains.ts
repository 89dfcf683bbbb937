import { type BareJid, domainpartOf, type Jid, normalizeDomainpart } from '@starling/jid'
import type { Settings } from './settings.ts'

/** The domain of an address, as an address. */
export function domainOf(jid: Jid): BareJid {
  return domainpartOf(jid) as string as BareJid
}

/** Says which domains are served: read from the settings each time they change, so a domain may come while a process runs. */
export function servedDomains(settings: Pick<Settings, 'domain' | 'domains'>): (domain: string) => boolean {
  let read: readonly string[] | undefined
  let served = new Set<string>()
  return (domain) => {
    if (read !== settings.domains) {
      read = settings.domains
      served = new Set([settings.domain, ...read].map(normal))
    }
    return served.has(domain)
  }
}

function normal(domain: string): string {
  const normalized = normalizeDomainpart(domain)
  return normalized.ok ? normalized.value : domain
}
