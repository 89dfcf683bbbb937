/** A header of the PROXY protocol, version 2, byte by byte. */
export interface HeaderParts {
  readonly command?: number
  readonly family: number
  /** Addresses and what follows them, hexadecimal. */
  readonly block: string
}

/** The bytes of such a header. */
export function headerBytes({ command = 0x21, family, block }: HeaderParts): Buffer {
  const body = Buffer.from(block, 'hex')
  const fixed = Buffer.from([command, family, body.length >> 8, body.length & 255])
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), fixed, body])
}
