import type { Effect, IqAnswer, IqHandler } from '@starling/core'
import { type Condition, type StanzaError, stanzaError } from '@starling/stanza'
import type { Element } from '@starling/xml'

/** The result of an IQ handler, its effects going before it. */
export function result(payload?: Element, ...effects: readonly Effect[]): IqAnswer {
  return { ok: true, effects, ...(payload === undefined ? {} : { payload }) }
}

/** The error of an IQ handler. */
export function refused(condition: Condition, text?: string): IqAnswer {
  return { ok: false, error: errorOf(condition, text) }
}

/** A stanza error with an optional text. */
export function errorOf(condition: Condition, text?: string): StanzaError {
  return stanzaError(condition, text === undefined ? {} : { text })
}

/** An IQ handler that refuses whatever is asked: what is an account's own. */
export function always(condition: Condition): IqHandler {
  return () => refused(condition)
}
