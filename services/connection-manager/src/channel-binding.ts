import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { type ChannelBindingType, channelBindingEndPointHash } from '@starling/sasl'

const exporterLabel = 'EXPORTER-Channel-Binding' // RFC 9266 §4
const exporterBytes = 32

/**
 * Hash of the certificate that a client saw, for tls-server-end-point; undefined for signatures without a single hash.
 * Source: RFC 5929 §4.1.
 */
export function endPointOf(certificatePem: string): Uint8Array | undefined {
  const certificate = new X509Certificate(certificatePem)
  const algorithm = (certificate.signatureAlgorithm ?? '').toLowerCase()
  const hash = (['sha512', 'sha384', 'sha256', 'sha224', 'sha1', 'md5'] as const).find((name) =>
    algorithm.includes(name),
  )
  return hash === undefined ? undefined : channelBindingEndPointHash(certificate.raw, hash)
}

/** Types a TLS socket can serve. */
export function bindingTypes(socket: TLSSocket, endPoint: Uint8Array | undefined): readonly ChannelBindingType[] {
  const types: ChannelBindingType[] = []
  // RFC 9266 §4.2: below TLS 1.3 it needs the extended master secret, which Node cannot tell
  if (socket.getProtocol() === 'TLSv1.3') types.push('tls-exporter')
  if (endPoint !== undefined) types.push('tls-server-end-point')
  return types
}

/** Data of one type; undefined where the socket cannot serve it. */
export function bindingData(
  socket: TLSSocket,
  type: ChannelBindingType,
  endPoint: Uint8Array | undefined,
): Uint8Array | undefined {
  switch (type) {
    case 'tls-exporter':
      if (socket.getProtocol() !== 'TLSv1.3' || socket.destroyed) return undefined
      return socket.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0)) // RFC 9266 §2
    case 'tls-server-end-point':
      return endPoint
    default:
      return type satisfies never
  }
}
