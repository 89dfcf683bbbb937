import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { nearest } from './nearest.ts'
import { readPlain, readText } from './read-value.ts'
import type { Setting, SettingValue } from './setting.ts'
import { decidedElsewhere } from './settings-table.ts'

/** What a source of settings says, and everything wrong with it, a sentence each that names the place. */
export interface Reading {
  readonly values: ReadonlyMap<string, SettingValue>
  readonly faults: readonly string[]
}

/** Reads settings out of YAML. `secretOf` reads a secret's file. */
export function readFile(
  source: { readonly name: string; readonly text: string },
  settings: readonly Setting[],
  secretOf: (file: string) => string | undefined,
): Reading {
  const lines = new LineCounter()
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false })
  const byPath = new Map(settings.map((setting) => [setting.path, setting]))
  const values = new Map<string, SettingValue>()
  const faults: string[] = []
  const fault = (offset: number | undefined, sentence: string): void => {
    const { line, col } = lines.linePos(offset ?? 0)
    faults.push(`${source.name}:${line}:${col}: ${sentence}`)
  }
  for (const error of document.errors) fault(error.pos[0], error.message)
  if (faults.length > 0) return { values, faults }

  const take = (setting: Setting, node: Node | null, offset: number | undefined): void => {
    const plain: unknown = node === null ? null : node.toJS(document)
    if (plain === null) return // `name:` alone says nothing
    const read =
      setting.kind.type === 'list' && typeof plain === 'string' ? readText(setting, plain) : readPlain(setting, plain)
    if (read.ok) values.set(setting.path, read.value)
    else fault(node?.range?.[0] ?? offset, `${setting.path} ${read.error}`)
  }
  const takeSecret = (setting: Setting, node: Node | null, offset: number | undefined): void => {
    const file: unknown = node?.toJS(document)
    const secret = typeof file === 'string' ? secretOf(file) : undefined
    if (secret === undefined) {
      fault(offset, `${setting.path}File must name a file that can be read`)
      return
    }
    const read = readText(setting, secret)
    if (read.ok) values.set(setting.path, read.value)
    else fault(offset, `what ${setting.path}File holds ${read.error}`)
  }
  const entry = (path: string, value: Node | null, offset: number | undefined): void => {
    const setting = byPath.get(path)
    const secret = path.endsWith('File') ? byPath.get(path.slice(0, -4)) : undefined
    if (setting !== undefined) take(setting, value, offset)
    else if (secret?.isSecret) takeSecret(secret, value, offset)
    else if (settings.some((one) => one.path.startsWith(`${path}.`))) walk(value, path)
    else fault(offset, unknown(path, settings))
  }
  const walk = (node: Node | null, prefix: string): void => {
    if (node === null || (isScalar(node) && node.value === null)) return
    if (!isMap(node)) {
      fault(node.range?.[0], `${prefix === '' ? 'the file' : prefix} must be a section of settings`)
      return
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const path = prefix === '' ? name : `${prefix}.${name}`
      entry(path, value as Node | null, (key as Node | null)?.range?.[0])
    }
  }
  walk(document.contents, '')
  return { values, faults }
}

function unknown(path: string, settings: readonly Setting[]): string {
  const elsewhere = decidedElsewhere.find(({ option }) => option === path)
  if (elsewhere !== undefined) return `${path} is decided by ${elsewhere.setting}: set that`
  const meant = nearest(path, sections(settings))
  return `there is no setting ${path}${meant === undefined ? '' : `: ${meant} is meant?`}`
}

/** Every path and every section on its way. */
function sections(settings: readonly Setting[]): readonly string[] {
  const all = new Set<string>()
  for (const { path } of settings) {
    const names = path.split('.')
    for (let end = 1; end <= names.length; end++) all.add(names.slice(0, end).join('.'))
  }
  return [...all]
}
