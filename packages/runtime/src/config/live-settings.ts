import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '@starling/core'
import type { SettingValue } from './setting.ts'

/** Settings that a running process takes up, by their paths; whoever uses one reads it each time anew. */
export const liveSettings: readonly string[] = [
  'domains',
  'logLevel',
  'tracing.sampleRatio',
  'c2s.requireTls',
  'c2s.streamsPerAddress',
  'c2s.stanzasPerSecond',
  'c2s.bytesPerSecond',
  'c2s.unauthenticatedTimeoutMs',
  'c2s.maxInFlightStanzas',
  'c2s.pingAfterMs',
  'c2s.pingTimeoutMs',
  'sm.resumeSeconds',
  'sm.maxUnackedStanzas',
  'sm.requestAfterStanzas',
]

/** What became of settings that were read anew. */
export interface Applied {
  /** Paths that hold the new value now. */
  readonly changed: readonly string[]
  /** Paths of changes that wait for the next start. */
  readonly later: readonly string[]
}

/**
 * Puts what may change into the settings of a running process, in place: the one writer they have. All others see a value that is theirs to
 * read only, so what they copied at their start stays (connections that are open keep the rates they began with).
 */
export function applySettings(current: Settings, next: Settings): Applied {
  const changed: string[] = []
  const later: string[] = []
  for (const [path, value] of leavesOf(next)) {
    const { holder, name } = placeOf(current, path)
    if (isDeepStrictEqual(holder[name], value)) continue
    if (liveSettings.includes(path)) {
      holder[name] = value
      changed.push(path)
    } else later.push(path)
  }
  return { changed, later }
}

type Tree = { [name: string]: SettingValue | Tree | undefined }

function leavesOf(settings: Settings): readonly (readonly [string, SettingValue])[] {
  const walk = (tree: Tree, prefix: string): readonly (readonly [string, SettingValue])[] =>
    Object.entries(tree).flatMap(([name, value]) => {
      if (value === undefined) return []
      if (typeof value !== 'object' || Array.isArray(value)) return [[prefix + name, value as SettingValue] as const]
      return walk(value as Tree, `${prefix}${name}.`)
    })
  return walk(settings as unknown as Tree, '')
}

function placeOf(settings: Settings, path: string): { readonly holder: Tree; readonly name: string } {
  const names = path.split('.')
  const name = names.pop() ?? ''
  let holder = settings as unknown as Tree
  for (const step of names) {
    const inner = holder[step] ?? {}
    holder[step] = inner
    holder = inner as Tree
  }
  return { holder, name }
}
