/** The part of JSON Schema that the scenario's schema uses; `errorMessage` is the sentence for a pattern. */
export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean
  readonly required?: readonly string[]
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly items?: Schema
  readonly minItems?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly errorMessage?: string
}

/** What is wrong, and where. */
export interface SchemaFault {
  readonly path: readonly (string | number)[]
  readonly text: string
  /** The fault is the name itself, not its value. */
  readonly isKey: boolean
}

type Path = SchemaFault['path']

/** Checks a value; every fault is told, not only the first. */
export function checkSchema(root: Schema, value: unknown): readonly SchemaFault[] {
  const faults: SchemaFault[] = []
  const fault = (path: Path, text: string, isKey = false): void => void faults.push({ path, text, isKey })
  const walk = (schema: Schema, at: unknown, path: Path): void => {
    const rule = resolve(root, schema)
    const kinds = rule.type === undefined ? [] : [rule.type].flat()
    if (kinds.length > 0 && !kinds.some((kind) => isOf(kind, at))) {
      fault(path, `must be ${kinds.map(article).join(' or ')}`)
      return
    }
    if (rule.enum !== undefined && !rule.enum.includes(at)) fault(path, `must be one of ${rule.enum.join(', ')}`)
    if (typeof at === 'number') checkNumber(rule, at, (text) => fault(path, text))
    else if (typeof at === 'string') checkText(rule, at, (text) => fault(path, text))
    else if (Array.isArray(at)) {
      if (at.length < (rule.minItems ?? 0)) fault(path, `must have ${rule.minItems} or more`)
      const { items } = rule
      if (items !== undefined) at.forEach((item, i) => void walk(items, item, [...path, i]))
    } else if (isObject(at)) walkObject(rule, at, path)
  }
  const walkObject = (rule: Schema, at: Readonly<Record<string, unknown>>, path: Path): void => {
    const known = rule.properties ?? {}
    for (const name of rule.required ?? []) if (!(name in at)) fault(path, `needs ${name}`)
    const names = Object.keys(at)
    const bounds = [rule.minProperties ?? 0, rule.maxProperties ?? Number.POSITIVE_INFINITY] as const
    if (names.length < bounds[0] || names.length > bounds[1])
      fault(path, `must hold one of ${Object.keys(known).join(', ')}`)
    for (const [name, value] of Object.entries(at)) {
      const schema = Object.hasOwn(known, name) ? known[name] : undefined
      if (schema !== undefined) walk(schema, value, [...path, name])
      else if (rule.additionalProperties === false) {
        fault([...path, name], `is not known here; known are ${Object.keys(known).join(', ')}`, true)
      }
    }
  }
  walk(root, value, [])
  return faults
}

function checkNumber(rule: Schema, value: number, fault: (text: string) => void): void {
  if (rule.minimum !== undefined && value < rule.minimum) fault(`must be ${rule.minimum} or more`)
  if (rule.exclusiveMinimum !== undefined && value <= rule.exclusiveMinimum)
    fault(`must be above ${rule.exclusiveMinimum}`)
  if (rule.maximum !== undefined && value > rule.maximum) fault(`must be ${rule.maximum} or less`)
}

function checkText(rule: Schema, value: string, fault: (text: string) => void): void {
  if (value.length < (rule.minLength ?? 0)) fault('must not be empty')
  else if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(value)) {
    fault(rule.errorMessage ?? `must match ${rule.pattern}`)
  }
}

/** A reference's target under what stands beside it. */
function resolve(root: Schema, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema
  const name = schema.$ref.replace('#/$defs/', '')
  return { ...root.$defs?.[name], ...schema }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOf(kind: string, value: unknown): boolean {
  if (kind === 'integer') return Number.isInteger(value)
  if (kind === 'array') return Array.isArray(value)
  if (kind === 'null') return value === null
  if (kind === 'object') return isObject(value)
  return typeof value === kind
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  null: 'nothing',
}

function article(kind: string): string {
  return words[kind] ?? kind
}
