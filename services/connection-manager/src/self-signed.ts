import { generateKeyPairSync, sign } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import {
  derBitString,
  derExplicit,
  derImplicit,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8String,
} from './der.ts'

/** A certificate and its key, in PEM. */
export interface CertificatePem {
  readonly certificate: string
  readonly key: string
}

const objects = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2', // RFC 5758 §3.2
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
} as const

/**
 * Makes an ECDSA P-256 certificate that signs itself, for the domain and for localhost.
 * Source: RFC 5280 §4.1; RFC 6120 §13.7.1.2 (the domain as dNSName).
 * Units: ms since 1970; `serial` is 16 random bytes.
 */
export function makeSelfSigned(domain: string, validity: Validity, serial: Uint8Array): CertificatePem {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = derSequence(derObjectIdentifier(objects.ecdsaWithSha256))
  const name = derSequence(
    derSet(derSequence(derObjectIdentifier(objects.commonName), derUtf8String(domain.slice(0, 64)))), // RFC 5280 A.1
  )
  const toBeSigned = derSequence(
    derExplicit(0, derInteger(Buffer.from([2]))), // version 3
    derInteger(Buffer.from(serial).map((byte, index) => (index === 0 ? (byte & 0x7f) | 1 : byte))),
    algorithm,
    name,
    derSequence(derTime(validity.fromMs), derTime(validity.untilMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    derExplicit(3, derSequence(basicConstraints(), alternativeNames(domain))),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  return {
    certificate: pem('CERTIFICATE', derSequence(toBeSigned, algorithm, derBitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** From when until when a certificate holds. Units: ms since 1970. */
export interface Validity {
  readonly fromMs: number
  readonly untilMs: number
}

/** An authority of its own, so that clients may be told to trust it. */
function basicConstraints(): Uint8Array {
  return derSequence(derObjectIdentifier(objects.basicConstraints), derTrue(), derOctetString(derSequence(derTrue())))
}

function alternativeNames(domain: string): Uint8Array {
  const names = new Set(['localhost'])
  const addresses = new Set(['127.0.0.1'])
  const literal = domain.replace(/^\[|\]$/g, '')
  if (isIP(literal) === 0) {
    const ascii = domainToASCII(domain)
    names.add(ascii)
    names.add(`*.${ascii}`) // its components
  } else if (isIPv4(literal)) addresses.add(literal)
  const list = [
    ...[...names].map((name) => derImplicit(2, Buffer.from(name, 'latin1'))), // dNSName
    ...[...addresses].map((address) => derImplicit(7, Buffer.from(address.split('.').map(Number)))), // iPAddress
  ]
  return derSequence(derObjectIdentifier(objects.subjectAltName), derOctetString(derSequence(...list)))
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
