import { readFileSync } from 'node:fs'
import type { Module, Settings } from '@starling/core'
import { configVariable, type Environment, readEnvironment } from './read-environment.ts'
import { readFile } from './read-file.ts'
import { type Setting, type SettingValue, variableOf } from './setting.ts'
import { decidedElsewhere, moduleSettings, settingsTable } from './settings-table.ts'

/** Settings as configured, or everything that is wrong with them, a sentence each. */
export type Config =
  | { readonly ok: true; readonly value: Settings }
  | { readonly ok: false; readonly error: readonly string[] }

/**
 * Reads the settings: the file that STARLING_CONFIG names, then the environment, which wins.
 * Errors: all faults at once, each with the file's line and column or the variable to mend.
 */
export function loadConfig(environment: Environment, modules: readonly Module[]): Config {
  const settings = [...settingsTable, ...moduleSettings(modules)]
  const faults: string[] = []
  const values = new Map<string, SettingValue>(settings.map((setting) => [setting.path, setting.default]))
  const secretOf = (file: string): string | undefined => contentOf(file)?.trim()
  const name = environment[configVariable] ?? ''
  if (name !== '') {
    const text = contentOf(name)
    if (text === undefined) faults.push(`${configVariable}: the file ${name} cannot be read`)
    else {
      const reading = readFile({ name, text }, settings, secretOf)
      for (const [path, value] of reading.values) values.set(path, value)
      faults.push(...reading.faults)
    }
  }
  const reading = readEnvironment(environment, settings, secretOf)
  for (const [path, value] of reading.values) values.set(path, value)
  faults.push(...reading.faults)
  if (faults.length === 0) faults.push(...together(values))
  if (faults.length > 0) return { ok: false, error: faults }
  return { ok: true, value: build(settings, values) }
}

/** What is wrong only in its combination. */
function together(values: ReadonlyMap<string, SettingValue>): readonly string[] {
  const faults: string[] = []
  const text = (path: string): string => String(values.get(path))
  const called = (path: string): string => `${path} (${variableOf(path)})`
  const isCluster = text('log.brokers') !== ''
  if (isCluster && text('redisUrl') === '') {
    faults.push(`${called('redisUrl')} is missing: with log.brokers set, presence is kept in Redis`)
  }
  if (!isCluster && text('redisUrl') !== '') {
    faults.push(
      `${called('log.brokers')} is missing: without brokers everything is in one process, and redisUrl has no use`,
    )
  }
  if (isCluster && text('databaseUrl').startsWith('sqlite:')) {
    faults.push(`${called('databaseUrl')} must be postgres://…: a cluster cannot share a SQLite file`)
  }
  if ((text('tls.certificateFile') === '') !== (text('tls.keyFile') === '')) {
    faults.push(`${called('tls.certificateFile')} and ${called('tls.keyFile')} are given together or not at all`)
  }
  faults.push(...ofSecurity(text, called))
  for (const path of ['ports.c2s', 'ports.c2sTls', 'ports.http']) {
    const port = Number(values.get(path))
    if (port !== 0 && port + Number(values.get('portOffset')) > 65_535) {
      faults.push(`${called('portOffset')} is too large: ${path} would be above 65535`)
    }
  }
  return faults
}

/** What is wrong with how Kafka and Redis are reached. */
function ofSecurity(text: (path: string) => string, called: (path: string) => string): readonly string[] {
  const faults: string[] = []
  for (const section of ['log', 'redisTls']) {
    const [certificate, key] = [`${section}.certificateFile`, `${section}.keyFile`]
    if ((text(certificate) === '') !== (text(key) === '')) {
      faults.push(`${called(certificate)} and ${called(key)} are given together or not at all`)
    }
  }
  const sasl = text('log.sasl')
  if (text('log.tls') === 'false' && (text('log.caFile') !== '' || text('log.certificateFile') !== '')) {
    faults.push(`${called('log.tls')} must be true where ${called('log.caFile')} or a certificate is given`)
  }
  if (sasl !== 'none' && (text('log.user') === '' || text('log.password') === '')) {
    faults.push(`${called('log.user')} and ${called('log.password')} are missing: log.sasl is ${sasl}`)
  }
  if (sasl === 'none' && text('log.user') !== '') faults.push(`${called('log.sasl')} is missing: log.user is given`)
  if (sasl === 'PLAIN' && text('log.tls') === 'false') {
    faults.push(`${called('log.tls')} must be true with PLAIN, which sends the password itself`)
  }
  if (/^redis:/.test(text('redisUrl')) && text('redisTls.caFile') !== '') {
    faults.push(`${called('redisUrl')} must be rediss://… where ${called('redisTls.caFile')} is given`)
  }
  return faults
}

/** Puts values where their paths say. */
function build(settings: readonly Setting[], values: ReadonlyMap<string, SettingValue>): Settings {
  const tree: { [name: string]: unknown } = { modules: {} }
  const put = (path: string, value: SettingValue | undefined): void => {
    const names = path.split('.')
    const last = names.pop() ?? ''
    let at = tree
    for (const name of names) {
      at[name] ??= {}
      at = at[name] as { [name: string]: unknown }
    }
    at[last] = value
  }
  for (const { path } of settings) put(path, values.get(path))
  for (const { option, setting } of decidedElsewhere) put(option, values.get(setting))
  return tree as unknown as Settings // every path of Settings has a row: tested
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
