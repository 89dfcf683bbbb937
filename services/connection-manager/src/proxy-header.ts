import { isIPv6 } from 'node:net'

/** What the beginning of a proxied connection says. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid' }
  /** `length` bytes are the header; `source` is undefined where the proxy speaks for itself, or for no address (LOCAL, UNSPEC, UNIX). */
  | { readonly kind: 'complete'; readonly length: number; readonly source: string | undefined }

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const fixedBytes = 16
const portsBytes = 4
/** Of addresses and what a proxy adds to them; more is no header. Units: bytes. */
export const maxProxyBlockBytes = 4_096

const commands = { local: 0x20, proxy: 0x21 } as const
/** Address families, by the higher half of their byte; the lower is the transport, and not looked at for its address. */
const addressBytes: Readonly<Record<number, number>> = { 0: 0, 1: 4, 2: 16, 3: 108 }
const lastTransport = 2

/**
 * Reads the header of version 2. Version 1, which is text, is invalid here.
 * Source: "The PROXY protocol", HAProxy's doc/proxy-protocol.txt, §2.2.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  const known = Math.min(bytes.length, signature.length)
  // §2.2: what is no header is dropped, as soon as that shows
  if (!signature.subarray(0, known).equals(bytes.subarray(0, known))) return { kind: 'invalid' }
  const [command, family] = [bytes[12], bytes[13]]
  // §2.2: receivers must drop other versions and commands
  if (command !== undefined && command !== commands.local && command !== commands.proxy) return { kind: 'invalid' }
  if (bytes.length < fixedBytes || family === undefined) return { kind: 'incomplete' }
  const size = addressBytes[family >> 4]
  // §2.2: other families and transports must be rejected
  if (size === undefined || (family & 15) > lastTransport) return { kind: 'invalid' }
  const blockBytes = ((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0)
  if (blockBytes > maxProxyBlockBytes) return { kind: 'invalid' }
  const length = fixedBytes + blockBytes
  const isLocal = command === commands.local
  if (!isLocal && blockBytes < sizeOfBlock(family >> 4, size)) return { kind: 'invalid' }
  // §2.2: no address is looked at before all of the block is there
  if (bytes.length < length) return { kind: 'incomplete' }
  const isAddress = !isLocal && (size === 4 || size === 16) && (family & 15) !== 0
  const source = isAddress ? textOf(bytes.subarray(fixedBytes, fixedBytes + size)) : undefined
  return { kind: 'complete', length, source }
}

function sizeOfBlock(family: number, size: number): number {
  return 2 * size + (family === 1 || family === 2 ? portsBytes : 0)
}

/** An address as node:net would tell it. */
function textOf(address: Uint8Array): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((address[2 * at] ?? 0) << 8) | (address[2 * at + 1] ?? 0)).toString(16),
  )
  const isMapped = address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 255 && address[11] === 255
  if (isMapped) return `::ffff:${address.subarray(12).join('.')}`
  const text = new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
  return isIPv6(text) ? text : groups.join(':')
}
