import { createHmac, timingSafeEqual } from 'node:crypto'

/** A token a client signs in with instead of its password. Source: XEP-0484 §3.3. */
export interface FastToken {
  readonly token: string
  readonly mechanism: string
  /** Uses so far: each one says a higher count (§3.4). */
  readonly count: number
}

/** The mechanism used: the load has no need of channel bindings. */
export const tokenMechanism = 'HT-SHA-256-NONE'

/** The one message of the mechanism. Source: draft-schmaus-kitten-sasl-ht §3.1. */
export function tokenMessage(name: string, token: string): Buffer {
  return Buffer.concat([Buffer.from(`${name}\0`), hash(token, 'Initiator')])
}

/** Whether the server proved that it knows the token too. Source: draft-schmaus-kitten-sasl-ht §3.3. */
export function isTokenProof(token: string, data: Buffer): boolean {
  const expected = hash(token, 'Responder')
  return data.length === expected.length && timingSafeEqual(data, expected)
}

/** The id of a client's installation, made of its place in the run. Source: XEP-0388 §2.3: a UUID of version 4. */
export function clientId(index: number): string {
  return `4c6f6164-5465-4000-8000-${index.toString(16).padStart(12, '0')}`
}

function hash(token: string, side: 'Initiator' | 'Responder'): Buffer {
  return createHmac('sha256', token).update(side).digest()
}
