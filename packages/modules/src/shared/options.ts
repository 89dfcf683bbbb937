import type { Context, Module } from '@starling/core'

type Asked = Pick<Context, 'option'>

/** A number among a module's options. Errors: throws when the module declares none of that name: a bug. */
export function numberOption(context: Asked, id: Module['spec']['id'], name: string): number {
  const value = context.option(id, name)
  if (typeof value !== 'number') throw new Error(`option ${name} of ${id} is no number`)
  return value
}

/** A yes or no among a module's options. */
export function isOption(context: Asked, id: Module['spec']['id'], name: string): boolean {
  return context.option(id, name) === true
}

/** A text among a module's options. */
export function textOption(context: Asked, id: Module['spec']['id'], name: string): string {
  return String(context.option(id, name))
}
