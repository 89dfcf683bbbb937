import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import type { Settings } from '@starling/core'
import { loadTlsIdentity, type TlsIdentity, type TlsPorts } from './tls-identity.ts'

/** What the server proves itself with, by the domain that a client asks for. */
export interface TlsIdentities {
  /** That of the first domain; its secret serves all. */
  readonly first: TlsIdentity
  /** Whether there are several to choose from. */
  readonly areMany: boolean
  /** That of a domain; undefined where it has none of its own. */
  readonly find: (domain: string | undefined) => TlsIdentity | undefined
  /** Units: ms since 1970; of the one that ends first. */
  readonly notAfterMs: number
}

/** Files of a further domain's certificate and key, whether or not they are there. */
export function filesOf(
  settings: Settings,
  domain: string,
): { readonly certificateFile: string; readonly keyFile: string } {
  const file = (end: string): string => join(settings.tls.directory, `${domainToASCII(domain)}.${end}`)
  return { certificateFile: file('crt'), keyFile: file('key') }
}

/** Every file that certificates are read from. */
export function certificateFiles(settings: Settings): readonly string[] {
  const { certificateFile, keyFile, directory } = settings.tls
  const further = directory === '' ? [] : settings.domains.map((domain) => filesOf(settings, domain))
  const all = certificateFile === '' ? further : [{ certificateFile, keyFile }, ...further]
  return all.flatMap((files) => [files.certificateFile, files.keyFile])
}

/**
 * Loads the certificate of each domain: `DOMAIN.crt` and `DOMAIN.key` of `tls.directory`; else the first one's, or, where that is
 * self-signed, one that is made for the domain. Errors: as `loadTlsIdentity`.
 */
export function loadTlsIdentities(settings: Settings, ports: TlsPorts): TlsIdentities {
  const first = loadTlsIdentity(settings, ports)
  const named = new Map<string, TlsIdentity>()
  for (const domain of settings.domains) {
    const identity = identityOf(settings, domain, { first, ports })
    if (identity !== undefined) named.set(domainToASCII(domain), { ...identity, secret: first.secret })
  }
  // What has no name of its own gets the first; so the first is named too, for a stream to one domain in TLS for another
  if (named.size > 0) named.set(domainToASCII(settings.domain), first)
  return {
    first,
    areMany: named.size > 0,
    find: (domain) => (domain === undefined ? undefined : named.get(domainToASCII(domain))),
    notAfterMs: Math.min(...[first, ...named.values()].map(({ notAfterMs }) => notAfterMs)),
  }
}

function identityOf(
  settings: Settings,
  domain: string,
  { first, ports }: { readonly first: TlsIdentity; readonly ports: TlsPorts },
): TlsIdentity | undefined {
  const files = filesOf(settings, domain)
  if (settings.tls.directory !== '' && existsSync(files.certificateFile)) {
    return loadTlsIdentity({ ...settings, domain, tls: { ...settings.tls, ...files } }, ports)
  }
  if (!first.isSelfSigned) return undefined
  const dataDir = join(settings.dataDir, 'domains', domainToASCII(domain))
  return loadTlsIdentity({ ...settings, domain, dataDir }, ports)
}
