import { createHmac, X509Certificate } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { domainToASCII } from 'node:url'
import type { Settings } from '@starling/core'
import { endPointOf } from './channel-binding.ts'
import { type CertificatePem, makeSelfSigned } from './self-signed.ts'

/** What the server proves itself with. */
export interface TlsIdentity {
  readonly context: SecureContext
  /** Data of tls-server-end-point; undefined where the certificate's signature has no single hash. */
  readonly endPoint: Uint8Array | undefined
  /** Secret that salts of names which do not exist are made of (see pretendSaltOf). */
  readonly secret: Uint8Array
  /** Units: ms since 1970. */
  readonly notAfterMs: number
  /** Made here, because none was configured. */
  readonly isSelfSigned: boolean
}

/** What making a certificate needs beside the settings. */
export interface TlsPorts {
  readonly clock: () => number
  readonly random: (bytes: number) => Uint8Array
}

const dayMs = 86_400_000
const validDays = 3_650
// A self-signed certificate is made anew when it has less than this left.
const renewDays = 30
const curves = 'X25519:P-256:P-384'

/**
 * Loads the configured certificate, or the self-signed one of the data directory, which is made if need be.
 * Errors: throws when configured files cannot be read or do not fit: a fault of the configuration, said at start.
 */
export function loadTlsIdentity(settings: Settings, ports: TlsPorts): TlsIdentity {
  const { certificateFile, keyFile } = settings.tls
  const isSelfSigned = certificateFile === ''
  const pem = isSelfSigned
    ? loadSelfSigned(join(settings.dataDir, 'tls'), settings.domain, ports)
    : { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  return {
    context: createSecureContext({
      cert: pem.certificate,
      key: pem.key,
      minVersion: 'TLSv1.2', // RFC 7590 §3.1, RFC 9325 §3.1.1
      ecdhCurve: curves,
      honorCipherOrder: true,
    }),
    endPoint: endPointOf(pem.certificate),
    secret: createHmac('sha256', pem.key).update(`starling pretend salt ${settings.domain}`).digest(),
    notAfterMs: new X509Certificate(pem.certificate).validToDate.getTime(),
    isSelfSigned,
  }
}

/**
 * Salt and iterations that a name without an account is answered with: the same at every attempt and on every pod.
 * The secret comes from the TLS key, which all pods of a deployment share; when the key changes, these salts change and
 * those of real accounts do not. Source: RFC 5802 §9 (a server should not tell which names exist).
 */
export function pretendSaltOf(
  identity: TlsIdentity,
  username: string,
  iterations: number,
): { readonly salt: Uint8Array; readonly iterations: number } {
  const salt = createHmac('sha256', identity.secret).update(username).digest().subarray(0, 16)
  return { salt, iterations }
}

function loadSelfSigned(directory: string, domain: string, ports: TlsPorts): CertificatePem {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'self-signed.pem')
  const there = readPair(file)
  if (there !== undefined && holdsFor(there.certificate, domain, ports.clock())) return there
  const nowMs = ports.clock()
  const made = makeSelfSigned(domain, { fromMs: nowMs - dayMs, untilMs: nowMs + validDays * dayMs }, ports.random(16))
  const mine = `${file}.${Buffer.from(ports.random(6)).toString('hex')}`
  writeFileSync(mine, made.certificate + made.key, { mode: 0o600, flag: 'wx' })
  if (there !== undefined) renameSync(mine, file)
  else linkFirst(mine, file)
  const kept = readPair(file) ?? made
  // The certificate alone, for clients that shall trust it.
  writeFileSync(join(directory, 'certificate.pem'), kept.certificate, { mode: 0o644 })
  return kept
}

/** Of several pods that start at once, the first one's certificate stays. */
function linkFirst(mine: string, file: string): void {
  try {
    linkSync(mine, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(mine, { force: true })
  }
}

function readPair(file: string): CertificatePem | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const [certificate] = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*?-----END CERTIFICATE-----\n/.exec(text) ?? []
  const [key] = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*?-----END PRIVATE KEY-----\n/.exec(text) ?? []
  return certificate === undefined || key === undefined ? undefined : { certificate, key }
}

function holdsFor(certificatePem: string, domain: string, nowMs: number): boolean {
  const certificate = new X509Certificate(certificatePem)
  if (certificate.validToDate.getTime() - nowMs < renewDays * dayMs) return false
  return isIP(domain) === 0
    ? certificate.checkHost(domainToASCII(domain)) !== undefined
    : certificate.checkIP(domain) !== undefined || certificate.checkHost('localhost') !== undefined
}
