import { createHash } from 'node:crypto'
import type { ScramHash } from './credentials.ts'

/** What the server said it can do, on the stream in question and in the profile in question. */
export type Advertised = {
  readonly mechanisms: readonly string[]
  /** Types of XEP-0440; empty where that feature was not sent. */
  readonly channelBindings: readonly string[]
}

const BETWEEN = '\x1e'
const LISTS = '\x1f'

/**
 * The hash of what was advertised, in base64, for attribute `h` of a server-first-message: a client sees by it whether
 * somebody took mechanisms or channel bindings away.
 * Source: XEP-0474 §6.1.
 */
export function downgradeHash(hash: ScramHash, { mechanisms, channelBindings }: Advertised): string {
  const lists = channelBindings.length === 0 ? [mechanisms] : [mechanisms, channelBindings]
  // Names are ASCII: the order of their code units is i;octet.
  const text = lists.map((list) => [...list].sort().join(BETWEEN)).join(LISTS)
  return createHash(hash).update(text).digest('base64')
}
