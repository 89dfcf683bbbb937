import type {
  Effect,
  IqAnswer,
  IqKey,
  Module,
  QueryArgs,
  QueryName,
  QueryResult,
  SessionContext,
  Step,
  StorageContext,
} from '@starling/core'
import type { Stanza, StanzaError } from '@starling/stanza'
import { payloadOf } from '@starling/stanza'
import type { Element } from '@starling/xml'
import { stanzaOfText } from './markup.ts'

/** Answers of a storage in a test, by query. */
export type Answers = { readonly [N in QueryName]?: (args: QueryArgs<N>) => QueryResult<N> }

/** Where a chain of steps ended, and what it asked. */
export type Ended = {
  readonly asked: readonly { readonly query: QueryName; readonly args: unknown }[]
  readonly payload?: Element | undefined
  readonly effects: readonly Effect[]
  readonly error?: StanzaError
}

function payloadIn(request: Stanza): Element {
  const payload = payloadOf(request)
  if (payload === undefined) throw new Error('the request has no payload')
  return payload
}

/** Asks a handler of the session stage. */
export function askSession(module: Module, key: IqKey, request: string, context: SessionContext): IqAnswer {
  const handler = module.iq?.[key]
  if (handler === undefined) throw new Error(`no handler ${key}`)
  const stanza = stanzaOfText(request)
  return handler(payloadIn(stanza), context, stanza)
}

/** Asks a handler of storage, and answers its questions. */
export function askStorage(
  module: Module,
  key: IqKey,
  { request, context, answers = {} }: { request: string; context: StorageContext; answers?: Answers },
): Promise<Ended> {
  const handler = module.storedIq?.[key]
  if (handler === undefined) throw new Error(`no handler ${key}`)
  const stanza = stanzaOfText(request)
  return runSteps(handler(payloadIn(stanza), context, stanza), answers)
}

/** Follows a chain of steps to its end. */
export async function runSteps(first: Step | Promise<Step>, answers: Answers): Promise<Ended> {
  const asked: { query: QueryName; args: unknown }[] = []
  let step = await first
  while (step.do === 'ask') {
    asked.push({ query: step.query, args: step.args })
    const answer = answers[step.query] as ((args: unknown) => unknown) | undefined
    if (answer === undefined) throw new Error(`nobody answers ${step.query}`)
    step = await step.next(answer(step.args) as never)
  }
  return step.do === 'refuse'
    ? { asked, effects: [], error: step.error }
    : { asked, payload: step.payload, effects: step.effects ?? [] }
}
