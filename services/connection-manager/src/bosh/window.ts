import type { Body } from './body.ts'
import { bodyBytes, type EndCondition } from './body-text.ts'

/** What a client and we agreed upon. Source: XEP-0124 §7. */
export interface Terms {
  readonly waitMs: number
  readonly hold: number
  /** Requests that may be open at once. */
  readonly requests: number
  readonly inactivityMs: number
  readonly pollingMs: number
  /** The longest pause. */
  readonly pauseMs: number
  readonly acks: boolean
}

/** An HTTP request that waits for its answer; the number is the shell's. */
export interface Held {
  readonly rid: number
  readonly exchange: number
  readonly dueMs: number
}

interface Early {
  readonly body: Body
  readonly exchange: number
}

interface Answered {
  readonly rid: number
  readonly bytes: Uint8Array
}

/** Where the requests of one session stand. */
export interface Window {
  readonly terms: Terms
  /** The next request to take. */
  readonly nextRid: number
  /** What came too soon, or while nothing is read; fewer than `terms.requests` and one. */
  readonly early: readonly Early[]
  /** Taken and not answered, by their rid. */
  readonly held: readonly Held[]
  /** The newest answers, for who asks again; at most `terms.requests`. */
  readonly answered: readonly Answered[]
  /** Since when nothing is held. */
  readonly idleSinceMs: number
  /** How long that may last now. */
  readonly patienceMs: number
  /** When the last empty request was answered with nothing; 0 when the last was none. */
  readonly emptyMs: number
  readonly isPaused: boolean
  readonly key: string | undefined
}

/** What happens to a session. */
export type WindowInput =
  | { readonly kind: 'request'; readonly exchange: number; readonly body: Body }
  /** Elements to be sent: asked for only while a request is held. */
  | { readonly kind: 'output'; readonly payloads: readonly Uint8Array[]; readonly attributes?: Attributes }
  /** The client went before it was answered. */
  | { readonly kind: 'lost'; readonly exchange: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Answers what is due, or more than may be held. */
  | { readonly kind: 'settle' }

type Attributes = Readonly<Record<string, string | number | undefined>>

/** What the shell does. Order: as listed. */
export type WindowEffect =
  | { readonly do: 'answer'; readonly exchange: number; readonly bytes: Uint8Array }
  | { readonly do: 'forward'; readonly body: Body }
  /** Ends the session, with this condition. */
  | { readonly do: 'end'; readonly condition: EndCondition; readonly exchange: number }
  /** The client is away for too long. */
  | { readonly do: 'lose' }

/** The next state, and what to do. */
export interface WindowStep {
  readonly state: Window
  readonly effects: readonly WindowEffect[]
}

/** What a step needs from outside. */
export interface WindowContext {
  readonly nowMs: number
  readonly sha1: (text: string) => string
}

/** A session before its first request is taken. */
export function openWindow(terms: Terms, rid: number, nowMs: number): Window {
  return {
    terms,
    nextRid: rid,
    early: [],
    held: [],
    answered: [],
    idleSinceMs: nowMs,
    patienceMs: terms.inactivityMs,
    emptyMs: 0,
    isPaused: false,
    key: undefined,
  }
}

/** One step of a session's requests and answers. Source: XEP-0124 §8–§15. */
export function stepWindow(state: Window, input: WindowInput, context: WindowContext): WindowStep {
  switch (input.kind) {
    case 'request':
      return receive(state, input, context)
    case 'output':
      return answerOldest(state, input, context)
    case 'lost':
      return lose(state, input.exchange, context)
    case 'pause':
      return { state: { ...state, isPaused: true }, effects: [] }
    case 'resume':
      return takeEarly({ ...state, isPaused: false }, context)
    case 'settle':
      return settle(state, context)
    default:
      return input satisfies never
  }
}

function end(state: Window, condition: EndCondition, exchange: number): WindowStep {
  return { state, effects: [{ do: 'end', condition, exchange }] }
}

function receive(state: Window, { exchange, body }: Early, context: WindowContext): WindowStep {
  const { rid } = body
  if (rid < state.nextRid) return repeat(state, { rid, exchange })
  const extra = body.isEnd || body.pause !== undefined ? 1 : 0 // XEP-0124 §11: one more, to pause or to end
  // XEP-0124 §14.2: outside of the window
  if (rid >= state.nextRid + state.terms.requests + extra) return end(state, 'item-not-found', exchange)
  if (state.early.some(({ body: other }) => other.rid === rid)) return end(state, 'item-not-found', exchange)
  const early = [...state.early, { body, exchange }].sort((one, other) => one.body.rid - other.body.rid)
  return takeEarly({ ...state, early }, context)
}

/** Asked again: the same answer, or a new place to answer to. Source: XEP-0124 §14.3. */
function repeat(state: Window, { rid, exchange }: { readonly rid: number; readonly exchange: number }): WindowStep {
  const old = state.answered.find((one) => one.rid === rid)
  if (old !== undefined) return { state, effects: [{ do: 'answer', exchange, bytes: old.bytes }] }
  const held = state.held.find((one) => one.rid === rid)
  if (held === undefined) return end(state, 'item-not-found', exchange)
  // XEP-0124 §17.3: what waited is told that it can be recovered from
  const bytes = bodyBytes({ type: 'error' })
  const next = state.held.map((one) => (one === held ? { ...held, exchange } : one))
  return { state: { ...state, held: next }, effects: [{ do: 'answer', exchange: held.exchange, bytes }] }
}

/** Takes, in their order, all that is there without a gap. Source: XEP-0124 §14.2. */
function takeEarly(state: Window, context: WindowContext): WindowStep {
  const effects: WindowEffect[] = []
  let now = state
  for (;;) {
    const [first] = now.early
    if (first === undefined || now.isPaused || first.body.rid !== now.nextRid) return { state: now, effects }
    const step = take({ ...now, early: now.early.slice(1) }, first, context)
    effects.push(...step.effects)
    now = step.state
    if (step.effects.some((effect) => effect.do === 'end')) return { state: now, effects }
  }
}

function take(state: Window, { body, exchange }: Early, context: WindowContext): WindowStep {
  const { nowMs } = context
  const { terms } = state
  if (!isKeyRight(state, body, context)) return end(state, 'item-not-found', exchange) // XEP-0124 §15.4
  const isPolling = terms.hold === 0 || terms.waitMs === 0
  const isEmpty = body.payloads.length === 0 && !body.isEnd && !body.isRestart && body.pause === undefined
  // XEP-0124 §12: two empty ones in a row, sooner than was agreed
  if (isPolling && isEmpty && state.emptyMs > 0 && nowMs - state.emptyMs < terms.pollingMs) {
    return end(state, 'policy-violation', exchange)
  }
  const held = [...state.held, { rid: body.rid, exchange, dueMs: nowMs + terms.waitMs }]
  const next: Window = {
    ...state,
    nextRid: body.rid + 1,
    held,
    key: body.newKey ?? body.key,
    patienceMs: terms.inactivityMs,
    emptyMs: isPolling && isEmpty ? nowMs : 0,
  }
  const forward: WindowEffect = { do: 'forward', body }
  if (body.pause === undefined) return { state: next, effects: [forward] }
  // XEP-0124 §10: all are answered at once, with nothing, and the client may be away longer
  const away = { ...next, patienceMs: Math.min(body.pause * 1_000, terms.pauseMs) }
  const answered = answerWhile(away, () => true, context)
  return { state: answered.state, effects: [forward, ...answered.effects] }
}

function isKeyRight(state: Window, body: Body, { sha1 }: WindowContext): boolean {
  if (state.key === undefined) return true
  return body.key !== undefined && sha1(body.key).toLowerCase() === state.key.toLowerCase()
}

function answerOldest(
  state: Window,
  { payloads, attributes = {} }: { readonly payloads: readonly Uint8Array[]; readonly attributes?: Attributes },
  { nowMs }: WindowContext,
): WindowStep {
  const [oldest, ...held] = state.held
  if (oldest === undefined) return { state, effects: [] }
  const highest = state.nextRid - 1
  // XEP-0124 §9.1: not where it would be the request's own
  const ack = state.terms.acks && highest !== oldest.rid && attributes['ack'] === undefined ? { ack: highest } : {}
  const bytes = bodyBytes({ ...attributes, ...ack }, payloads)
  const answered = [...state.answered, { rid: oldest.rid, bytes }].slice(-state.terms.requests)
  const idleSinceMs = held.length === 0 ? nowMs : state.idleSinceMs
  const emptyMs = payloads.length === 0 ? state.emptyMs : 0
  const next = { ...state, held, answered, idleSinceMs, emptyMs }
  return { state: next, effects: [{ do: 'answer', exchange: oldest.exchange, bytes }] }
}

function answerWhile(state: Window, isDue: (window: Window) => boolean, context: WindowContext): WindowStep {
  const effects: WindowEffect[] = []
  let now = state
  while (now.held.length > 0 && isDue(now)) {
    const step = answerOldest(now, { payloads: [] }, context)
    effects.push(...step.effects)
    now = step.state
  }
  return { state: now, effects }
}

/** Nothing is put into an answer nobody waits for: it may be asked for again, and is empty then. */
function lose(state: Window, exchange: number, context: WindowContext): WindowStep {
  const early = state.early.filter((one) => one.exchange !== exchange)
  if (!state.held.some((one) => one.exchange === exchange)) return { state: { ...state, early }, effects: [] }
  // XEP-0124 §8: in the order of the requests, so those before it are answered too
  const isBefore = ({ held }: Window): boolean => held.some((one) => one.exchange === exchange)
  return answerWhile({ ...state, early }, isBefore, context)
}

function settle(state: Window, context: WindowContext): WindowStep {
  const { nowMs } = context
  const { hold, waitMs } = state.terms
  const isDue = ({ held }: Window): boolean =>
    held.length > hold || waitMs === 0 || (held[0] !== undefined && held[0].dueMs <= nowMs)
  const step = answerWhile(state, isDue, context)
  // XEP-0124 §10
  const { held, early } = step.state
  const isAway = held.length === 0 && early.length === 0 && nowMs - step.state.idleSinceMs > step.state.patienceMs
  return isAway ? { state: step.state, effects: [...step.effects, { do: 'lose' }] } : step
}
