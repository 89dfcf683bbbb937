import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Document, LineCounter, parseDocument } from 'yaml'
import { isThreshold } from '../report/thresholds.ts'
import { checkSchema, type Schema, type SchemaFault } from './check-schema.ts'
import { resolveScenario, type ScenarioFile } from './resolve-scenario.ts'
import type { Scenario } from './scenario.ts'

/** A scenario, or every fault of its file with its line. */
export type ReadScenario =
  | { readonly ok: true; readonly value: Scenario }
  | { readonly ok: false; readonly errors: readonly string[] }

/** The JSON schema of scenarios. */
export function scenarioSchema(): Schema {
  return JSON.parse(readFileSync(new URL('schema.json', import.meta.url), 'utf8')) as Schema
}

/** Reads a scenario's text. Errors: `FILE:LINE:COLUMN: NAME what is wrong`, all at once. */
export function readScenario(text: string, file: string): ReadScenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`
  }
  if (document.errors.length > 0) {
    return { ok: false, errors: document.errors.map(({ pos, message }) => `${at(pos[0])}: ${firstLine(message)}`) }
  }
  const value: unknown = document.toJS() ?? {}
  const faults = [...checkSchema(scenarioSchema(), value)]
  if (faults.length === 0) faults.push(...faultsBetween(value as ScenarioFile))
  if (faults.length > 0) {
    return {
      ok: false,
      errors: faults.map((fault) => `${at(offsetOf(document, fault))}: ${named(fault.path)}${fault.text}`),
    }
  }
  return { ok: true, value: resolveScenario(value as ScenarioFile, basename(file).replace(/\.ya?ml$/, '')) }
}

/** What the schema cannot say. */
function faultsBetween(file: ScenarioFile): readonly SchemaFault[] {
  const faults: SchemaFault[] = []
  const fault = (path: SchemaFault['path'], text: string): void => void faults.push({ path, text, isKey: false })
  file.blocks.forEach((block, i) => {
    const [kind, options] = Object.entries(block)[0] as [string, Readonly<Record<string, unknown>> | null]
    const path = ['blocks', i, kind]
    const paces = ['rate', 'every', 'inFlight'].filter((name) => options?.[name] !== undefined)
    if (kind !== 'idle' && kind !== 'mixedDay' && paces.length !== 1) {
      fault(
        path,
        `needs either rate or every${kind === 'chat' || kind === 'pages' ? ' or inFlight' : ''}, and only one`,
      )
    }
    if (options?.['users'] === undefined && file.users === 0) fault(path, 'acts on the common group, but users is 0')
  })
  file.thresholds?.forEach((text, i) => {
    if (!isThreshold(text)) fault(['thresholds', i], 'must be a comparison such as p99 < 200ms or lost == 0')
  })
  const { transport, signIn = 'sasl' } = file.connection ?? {}
  if (transport === 'tcp' && signIn !== 'sasl') {
    // XEP-0388 §3: SASL2 only after TLS.
    fault(['connection', 'signIn'], `${signIn} needs TLS: transport starttls, tls or websocket`)
  }
  if (file.accounts?.by === 'csv' && file.accounts.file === undefined) fault(['accounts'], 'by csv needs file')
  return faults
}

function offsetOf(document: Document, { path, isKey }: SchemaFault): number {
  for (let length = path.length; length > 0; length--) {
    const above = path.slice(0, length)
    const parent: unknown = above.length === 1 ? document.contents : document.getIn(above.slice(0, -1), true)
    const pairs = (parent as { readonly items?: readonly unknown[] } | undefined)?.items ?? []
    const last = above.at(-1)
    for (const pair of pairs as readonly {
      readonly key?: { readonly value?: unknown; readonly range?: readonly number[] }
    }[]) {
      if (typeof last === 'string' && pair.key?.value === last && (isKey || length < path.length))
        return pair.key.range?.[0] ?? 0
    }
    const node = document.getIn(above, true) as { readonly range?: readonly number[] } | undefined
    if (node?.range?.[0] !== undefined) return node.range[0]
  }
  return 0
}

function named(path: SchemaFault['path']): string {
  const text = path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`)).join('')
  return text === '' ? 'the scenario ' : `${text} `
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ at line .*$/, '')
}
