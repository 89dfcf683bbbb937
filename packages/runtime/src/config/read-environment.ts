import { nearest } from './nearest.ts'
import type { Reading } from './read-file.ts'
import { readText } from './read-value.ts'
import { type Setting, type SettingValue, variableOf } from './setting.ts'

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The variable that names the file of settings. */
export const configVariable = 'STARLING_CONFIG'

// What tests and their tools say to each other, and the ports docker-compose.yml publishes
const foreign = /^STARLING_(TEST_.*|(KAFKA|REDIS|POSTGRES)_PORT)$/

/** Reads settings out of environment variables; one that is empty counts as not set. `secretOf` reads a secret's file. */
export function readEnvironment(
  environment: Environment,
  settings: readonly Setting[],
  secretOf: (file: string) => string | undefined,
): Reading {
  const byVariable = new Map(settings.map((setting) => [variableOf(setting.path), setting]))
  const values = new Map<string, SettingValue>()
  const faults: string[] = []
  const take = (setting: Setting, text: string, what: string): void => {
    if (values.has(setting.path)) faults.push(`${what}: the same is set by ${variableOf(setting.path)}: unset one`)
    const read = readText(setting, text)
    if (read.ok) values.set(setting.path, read.value)
    else faults.push(`${what} ${read.error}`)
  }
  for (const [variable, text = ''] of Object.entries(environment).sort()) {
    if (!variable.startsWith('STARLING_') || text === '' || variable === configVariable || foreign.test(variable))
      continue
    const setting = byVariable.get(variable)
    const secret = variable.endsWith('_FILE') ? byVariable.get(variable.slice(0, -5)) : undefined
    if (setting !== undefined) take(setting, text, variable)
    else if (secret?.isSecret) {
      const content = secretOf(text)
      if (content === undefined) faults.push(`${variable} must name a file that can be read`)
      else take(secret, content, `what ${variable} names`)
    } else {
      const meant = nearest(variable, [configVariable, ...byVariable.keys()])
      faults.push(`${variable}: there is no such variable${meant === undefined ? '' : `: ${meant} is meant?`}`)
    }
  }
  return { values, faults }
}
