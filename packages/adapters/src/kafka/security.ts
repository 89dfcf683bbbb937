import type { SASLOptions as KafkajsSasl } from 'kafkajs'

/** PEM texts of TLS. */
export interface TlsTexts {
  /** Authorities that are trusted; without, those of the system. */
  readonly ca?: string
  /** What this side shows of itself (mutual TLS), and its key. */
  readonly cert?: string
  readonly key?: string
}

/** How brokers are reached, and who asks. */
export interface KafkaSecurity {
  /** Without, in the clear. */
  readonly tls?: TlsTexts
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    readonly username: string
    readonly password: string
  }
}

const kafkajsMechanisms = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scram-sha-256',
  'SCRAM-SHA-512': 'scram-sha-512',
} as const

/** As kafkajs wants it. */
export function kafkajsSecurity({ tls, sasl }: KafkaSecurity): { ssl?: TlsTexts; sasl?: KafkajsSasl } {
  if (sasl === undefined) return tls === undefined ? {} : { ssl: { ...tls } }
  const { mechanism, ...who } = sasl
  return {
    ...(tls === undefined ? {} : { ssl: { ...tls } }),
    sasl: { mechanism: kafkajsMechanisms[mechanism], ...who },
  }
}

/** As @platformatic/kafka wants it. */
export function platformaticSecurity({ tls, sasl }: KafkaSecurity): {
  tls?: TlsTexts
  tlsServerName?: true
  sasl?: NonNullable<KafkaSecurity['sasl']>
} {
  return {
    ...(tls === undefined ? {} : { tls: { ...tls }, tlsServerName: true }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
  }
}
