import type { StanzaError } from '@starling/stanza'
import type { Element } from '@starling/xml'
import type { Effect } from './effect.ts'
import type { QueryArgs, QueryName, QueryResult } from './storage.ts'

/**
 * A request that storage answers, as a chain of questions: the stage runs the questions of a whole batch together, one
 * statement a query name, and calls `next` with each answer.
 */
export type Step =
  | AskStep
  /** Answers the request; a result without payload when none is given. Stanzas of `send` effects go out before the result. */
  | { readonly do: 'answer'; readonly payload?: Element; readonly effects?: readonly Effect[] }
  | { readonly do: 'refuse'; readonly error: StanzaError }

/** One question of a chain. */
export interface AskStep {
  readonly do: 'ask'
  readonly query: QueryName
  readonly args: QueryArgs<QueryName>
  readonly next: (result: never) => Step | Promise<Step>
}

/** Asks a named query and goes on with its result. */
export function ask<N extends QueryName>(
  query: N,
  args: QueryArgs<N>,
  next: (result: QueryResult<N>) => Step | Promise<Step>,
): Step {
  return { do: 'ask', query, args, next: next as (result: never) => Step | Promise<Step> }
}

/** Ends the chain with a result. */
export function answer(payload?: Element, ...effects: readonly Effect[]): Step {
  return { do: 'answer', ...(payload === undefined ? {} : { payload }), effects }
}

/** Ends the chain with an error. */
export function refuseStep(error: StanzaError): Step {
  return { do: 'refuse', error }
}
