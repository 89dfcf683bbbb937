import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../run.ts'

/** What is parsed out of YAML. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }

/** A container as Compose would make it. */
export interface ComposeService {
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly ulimits?: { readonly nofile?: { readonly soft: number; readonly hard: number } }
}

/** What `docker compose config` would print. */
export type ComposeFile = { readonly services: Readonly<Record<string, ComposeService>> }

/** Stands where a file says `!reset`: what earlier files say there is gone. Source: Compose Specification 13, "Reset value". */
const reset = { isReset: true } as const

/** Lists that a later file replaces instead of lengthening. Source: Compose Specification 13, "Shell commands". */
const replaced = /\/(command|entrypoint|test)$/

/**
 * Reads Compose files as Docker does: variables filled in, each file merged into those before it.
 * Errors: a list of sentences, one for each variable that is wanted and not given.
 */
export function readCompose(
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
): { readonly ok: true; readonly value: ComposeFile } | { readonly ok: false; readonly error: readonly string[] } {
  const faults = new Set<string>()
  const read = files.map((file) => {
    const customTags = [{ tag: '!reset', collection: 'seq', resolve: () => reset }] as never
    const content = parse(readFileSync(join(root, file), 'utf8'), { merge: true, customTags }) as Value
    return fill(content, variables, faults)
  })
  const value = without(read.reduce((all, next) => merge(all, next, ''))) as unknown as ComposeFile
  return faults.size === 0 ? { ok: true, value } : { ok: false, error: [...faults] }
}

function isMap(value: Value | undefined): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `${NAME}`, `${NAME:-default}`, `${NAME:?what it is}`. Source: Compose Specification 12. */
function fill(value: Value, variables: Readonly<Record<string, string>>, faults: Set<string>): Value {
  if ((value as unknown) === reset) return value
  if (Array.isArray(value)) return value.map((one) => fill(one, variables, faults))
  if (isMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner, variables, faults)]))
  }
  if (typeof value !== 'string') return value
  return value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, how?: string, rest = '') => {
    const given = variables[name] ?? ''
    if (given !== '' || how === undefined) return given
    if (how === '?') faults.add(`${name} is missing: ${rest}`)
    return how === '-' ? rest : ''
  })
}

/** Maps are merged, lists lengthened, everything else is replaced. Source: Compose Specification 13. */
function merge(before: Value, after: Value, path: string): Value {
  if ((after as unknown) === reset) return after
  if (isMap(before) && isMap(after) && (before as unknown) !== reset) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return Object.fromEntries(
      [...names].map((name) => {
        const [one, other] = [before[name], after[name]]
        if (one === undefined || other === undefined) return [name, (one ?? other) as Value]
        return [name, merge(one, other, `${path}/${name}`)]
      }),
    )
  }
  if (Array.isArray(before) && Array.isArray(after) && !replaced.test(path)) return [...before, ...after]
  return after
}

/** Without what was reset, and without fragments of our own (`x-…`). */
function without(value: Value): Value {
  if (Array.isArray(value)) return value.map(without)
  if (!isMap(value)) return value
  const kept = Object.entries(value).filter(([name, inner]) => (inner as unknown) !== reset && !name.startsWith('x-'))
  return Object.fromEntries(kept.map(([name, inner]) => [name, without(inner)]))
}
