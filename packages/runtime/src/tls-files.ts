import { readFileSync } from 'node:fs'
import type { Settings } from '@starling/core'

/** PEM texts out of the files that settings name; those not named are left out. */
export interface TlsTexts {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Files of one TLS client. */
export interface TlsFiles {
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** Reads the files of a TLS client. Errors: throws a sentence that names the setting whose file cannot be read. */
export function readTlsFiles(section: 'log' | 'redisTls', { caFile, certificateFile, keyFile }: TlsFiles): TlsTexts {
  const text = (name: string, file: string): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new Error(`${section}.${name} names ${file}, which cannot be read`, { cause: error })
    }
  }
  return {
    ...(caFile === '' ? {} : { ca: text('caFile', caFile) }),
    ...(certificateFile === '' ? {} : { cert: text('certificateFile', certificateFile) }),
    ...(keyFile === '' ? {} : { key: text('keyFile', keyFile) }),
  }
}

/** How brokers are to be reached, as the Kafka adapter wants it. Errors: as `readTlsFiles`. */
export function logSecurity({ log }: Pick<Settings, 'log'>): {
  readonly tls?: TlsTexts
  readonly sasl?: {
    readonly mechanism: Exclude<Settings['log']['sasl'], 'none'>
    readonly username: string
    readonly password: string
  }
} {
  const { sasl: mechanism, user: username, password } = log
  return {
    ...(log.tls ? { tls: readTlsFiles('log', log) } : {}),
    ...(mechanism === 'none' ? {} : { sasl: { mechanism, username, password } }),
  }
}
