import { createHash } from 'node:crypto'

/**
 * The channel bindings an exchange can be tied to.
 * Source: RFC 9266 §2 (tls-exporter), RFC 5929 §4 (tls-server-end-point).
 */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point'

/** Tells whether a name is that of a channel binding known here. */
export function isChannelBindingType(name: string): name is ChannelBindingType {
  return name === 'tls-exporter' || name === 'tls-server-end-point'
}

/**
 * Computes the channel binding data of tls-server-end-point: the hash of the server's certificate.
 * Source: RFC 5929 §4.1.
 * Shape: `signatureHash` is the hash of the certificate's signatureAlgorithm.
 */
export function channelBindingEndPointHash(
  certificateDer: Uint8Array,
  signatureHash: 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512',
): Uint8Array {
  // RFC 5929 §4.1: MD5 and SHA-1 are too weak to be used here and give way to SHA-256.
  const hash = signatureHash === 'md5' || signatureHash === 'sha1' ? 'sha256' : signatureHash
  return createHash(hash).update(certificateDer).digest()
}
