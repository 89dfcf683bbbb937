import { type Setting, type SettingValue, wanted } from './setting.ts'

/** A value read, or what is wrong with it, without the setting's name. */
export type ReadValue =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly error: string }

/** Reads what an environment variable or a secret's file says. */
export function readText(setting: Setting, text: string): ReadValue {
  switch (setting.kind.type) {
    case 'int':
      return readPlain(setting, /^-?\d{1,15}$/.test(text) ? Number(text) : text)
    case 'ratio':
      return readPlain(setting, /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text)
    case 'bool':
      return readPlain(setting, text === 'true' ? true : text === 'false' ? false : text)
    case 'list':
      return readPlain(
        setting,
        text.split(',').flatMap((item) => item.trim() || []),
      )
    case 'text':
    case 'choice':
      return readPlain(setting, text)
    default:
      return setting.kind satisfies never
  }
}

/** Reads what the file's YAML says at a setting. */
export function readPlain(setting: Setting, value: unknown): ReadValue {
  const fault = kindFault(setting, value) ?? setting.check?.(value as SettingValue)
  if (fault !== undefined)
    return { ok: false, error: `must be ${fault}${setting.isSecret ? '' : `, not ${shown(value)}`}` }
  return { ok: true, value: value as SettingValue }
}

function kindFault(setting: Setting, value: unknown): string | undefined {
  const { kind } = setting
  switch (kind.type) {
    case 'int': {
      const fits =
        Number.isSafeInteger(value) && (value as number) >= kind.min && (value as number) <= (kind.max ?? Infinity)
      return fits ? undefined : wanted(setting)
    }
    case 'ratio':
      return typeof value === 'number' && value >= 0 && value <= 1 ? undefined : wanted(setting)
    case 'bool':
      return typeof value === 'boolean' ? undefined : wanted(setting)
    case 'text':
      return typeof value === 'string' ? undefined : wanted(setting)
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : wanted(setting)
    case 'choice':
      return typeof value === 'string' && kind.choices.includes(value) ? undefined : wanted(setting)
    default:
      return kind satisfies never
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
