/** A value of a setting. */
export type SettingValue = string | number | boolean | readonly string[]

/** What a setting takes. */
export type SettingKind =
  | { readonly type: 'int'; readonly min: number; readonly max?: number; readonly unit: string }
  | { readonly type: 'ratio' }
  | { readonly type: 'bool' }
  | { readonly type: 'text' }
  | { readonly type: 'list' }
  | { readonly type: 'choice'; readonly choices: readonly string[] }

/** One setting: a row of the table that file, environment, checks and docs share. */
export interface Setting {
  /** Its place in the file, for example `c2s.requireTls`; the variable's name derives from it. */
  readonly path: string
  readonly kind: SettingKind
  readonly default: SettingValue
  readonly doc: string
  /** What 0 means, where it is not a number like others. */
  readonly zero?: string
  /** Never shown; may also come from a file named by `<path>File` or `<variable>_FILE`. */
  readonly isSecret?: boolean
  /** Whatever type and range do not say. Returns what it must be instead. */
  readonly check?: (value: SettingValue) => string | undefined
}

/** The environment variable of a setting: `c2s.requireTls` is STARLING_C2S_REQUIRE_TLS; of a module's option, without `modules`. */
export function variableOf(path: string): string {
  const words = path.replace(/^modules\./, '').replace(/([a-z0-9])([A-Z])/g, '$1_$2')
  return `STARLING_${words.replace(/[.-]/g, '_').toUpperCase()}`
}

/** What a kind takes, in words, after "must be". */
export function wanted({ kind, zero }: Pick<Setting, 'kind' | 'zero'>): string {
  switch (kind.type) {
    case 'int': {
      const range = kind.max === undefined ? `${kind.min} or more` : `${kind.min} to ${kind.max}`
      const unit = kind.unit === '' ? '' : ` (${kind.unit})`
      return `a whole number, ${range}${unit}${zero === undefined ? '' : `; 0 means ${zero}`}`
    }
    case 'ratio':
      return 'a number from 0 to 1'
    case 'bool':
      return 'true or false'
    case 'text':
      return 'text'
    case 'list':
      return 'a list'
    case 'choice':
      return `one of ${kind.choices.join(', ')}`
    default:
      return kind satisfies never
  }
}
