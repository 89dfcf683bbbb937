import { type BareJid, bareJid } from '@starling/jid'
import { type SaslStep, type SaslSuccess, startSasl } from '@starling/sasl'
import type { UsedToken } from './fast.ts'
import type { Sasl2Request } from './sasl2-request.ts'
import { challengeText, failureText } from './sasl2-text.ts'
import { failWith, goTo, stay } from './stream-end.ts'
import { beginInline } from './stream-inline.ts'
import { mechanismsOf, tokenMechanismsOf } from './stream-offers.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamEvent, StreamPhase, StreamState, Transition } from './stream-state.ts'
import { saslDataText, saslFailureText } from './stream-text.ts'

/** Failed attempts that a stream is allowed before it ends. Source: RFC 6120 §6.4.5. Units: attempts. */
export const maxFailuresPerStream = 3

/** One exchange: of SASL2 where what else its client asked for is known, of SASL otherwise. */
export interface Exchange {
  readonly scene: StreamScene
  readonly sasl2?: Sasl2Request | undefined
}

interface Running extends Exchange {
  readonly mechanism: string
  /** Who is about to prove it; undefined before the first look-up. */
  readonly signedIn: SignedIn | undefined
}

/** Begins an exchange. Source: RFC 6120 §6.4.2; XEP-0388 §2.3. */
export function startExchange(
  state: StreamState,
  first: {
    readonly mechanism: string
    readonly initial: Uint8Array | undefined
    readonly offered: readonly string[]
  },
  exchange: Exchange,
): Transition {
  const { scene, sasl2 } = exchange
  const { mechanism } = first
  const step = startSasl(mechanism, first.initial, {
    nonce: () => scene.nonce(),
    domain: state.domain ?? scene.domain,
    isSecure: state.isSecure,
    offered: first.offered,
    advertised: { mechanisms: mechanismsOf(state, scene), channelBindings: scene.channelBindings() },
    channelBinding: (type) => scene.channelBinding(type),
    pretendSalt: (username) => scene.pretendSalt(saltName(username, state, scene)),
  })
  return takeStep(state, step, { scene, sasl2, mechanism, signedIn: undefined })
}

/** The client's response to a challenge. */
export function takeResponse(
  state: StreamState,
  data: Uint8Array,
  given: { readonly scene: StreamScene; readonly phase: Extract<StreamPhase, { readonly kind: 'challenged' }> },
): Transition {
  const { step, mechanism, signedIn, sasl2 } = given.phase
  return takeStep(state, step.next(data), { scene: given.scene, sasl2, mechanism, signedIn })
}

/** What the shell found out for an exchange. */
export function continueExchange(
  state: StreamState,
  event: Extract<
    StreamEvent,
    { readonly kind: 'lookedUp' | 'tokensFound' | 'tokensSettled' | 'signInRefused' | 'computed' }
  >,
  scene: StreamScene,
): Transition {
  const { phase } = state
  switch (event.kind) {
    case 'signInRefused': {
      if (phase.kind !== 'lookingUp' && phase.kind !== 'computing' && phase.kind !== 'settling') return stay(state)
      const text = textOfFailure(phase.sasl2, event)
      const count = { do: 'countFailure', condition: event.condition } as const
      return goTo(state, { kind: 'delaying' }, count, { do: 'delay', text })
    }
    case 'lookedUp': {
      if (phase.kind !== 'lookingUp' || phase.step.do !== 'lookUp') return stay(state)
      const { mechanism, sasl2 } = phase
      const next = phase.step.next(event.credentials)
      if (next instanceof Promise) {
        const computing = { kind: 'computing', signedIn: event.signedIn, mechanism, sasl2 } as const
        return goTo(state, computing, { do: 'compute', step: next })
      }
      return takeStep(state, next, { scene, sasl2, mechanism, signedIn: event.signedIn })
    }
    case 'tokensFound': {
      if (phase.kind !== 'lookingUp' || phase.step.do !== 'lookUpTokens' || phase.sasl2 === undefined)
        return stay(state)
      const { mechanism, sasl2 } = phase
      const step = phase.step.next(event.held.candidates)
      if (step.do !== 'success' || step.token === undefined) {
        return takeStep(state, step, { scene, sasl2, mechanism, signedIn: undefined })
      }
      return settle(state, step, { scene, sasl2, mechanism, used: { held: event.held, index: step.token } })
    }
    case 'tokensSettled': {
      if (phase.kind !== 'settling') return stay(state)
      const { sasl2, mechanism, data } = phase
      if (!event.ok) return refuse(state, { scene, sasl2 }, event)
      const signedIn = event.signedIn ?? phase.signedIn
      if (signedIn === undefined) return refuse(state, { scene, sasl2 }, { condition: 'not-authorized' })
      return beginInline(state, { scene, signedIn }, { mechanism, request: sasl2, data, issued: event.issued })
    }
    case 'computed':
      if (phase.kind !== 'computing') return stay(state)
      return takeStep(state, event.step, { ...phase, scene })
    default:
      return event satisfies never
  }
}

function takeStep(state: StreamState, step: SaslStep, running: Running): Transition {
  const { scene, mechanism, sasl2, signedIn } = running
  switch (step.do) {
    case 'challenge': {
      const text = sasl2 === undefined ? saslDataText('challenge', step.data) : challengeText(step.data)
      return goTo(state, { kind: 'challenged', step, signedIn, mechanism, sasl2 }, { do: 'write', text })
    }
    case 'lookUp': {
      const account = accountOf(step.username, state, scene)
      return goTo(state, { kind: 'lookingUp', step, mechanism, sasl2 }, { do: 'lookUp', account })
    }
    case 'lookUpTokens': {
      if (sasl2 === undefined) return refuse(state, running, { condition: 'invalid-mechanism' })
      const account = accountOf(step.username, state, scene)
      const lookUp = { do: 'lookUpTokens', account, client: sasl2.client, mechanism } as const
      return goTo(state, { kind: 'lookingUp', step, mechanism, sasl2 }, lookUp)
    }
    case 'failure':
      return refuse(state, running, step)
    case 'success':
      // A mechanism that never looked anything up can prove nobody.
      if (signedIn === undefined || signedIn.account !== accountOf(step.username, state, scene)) {
        return refuse(state, running, { condition: 'not-authorized' })
      }
      return sasl2 === undefined
        ? restart(state, step, { mechanism, signedIn })
        : succeed(state, step, { ...running, sasl2, signedIn })
    default:
      return step satisfies never
  }
}

/** RFC 6120 §6.3.2: after success both sides begin a new stream. */
function restart(
  state: StreamState,
  step: SaslSuccess,
  { mechanism, signedIn }: { readonly mechanism: string; readonly signedIn: SignedIn },
): Transition {
  return {
    state: { ...state, phase: { kind: 'unopened', signedIn }, isOpened: false, lang: '' },
    effects: [
      { do: 'signedIn', mechanism },
      { do: 'write', text: saslDataText('success', step.data) },
      { do: 'restart' },
    ],
  }
}

/** A password was right: what was asked for beside it comes next. */
function succeed(
  state: StreamState,
  step: SaslSuccess,
  running: Running & { readonly sasl2: Sasl2Request; readonly signedIn: SignedIn },
): Transition {
  const { scene, sasl2, mechanism, signedIn } = running
  const { tokenMechanism = '', client } = sasl2
  // XEP-0484 §3.2: a token is made for a mechanism that was offered, and for a client that has a name (§4.1)
  if (client !== '' && tokenMechanismsOf(state, scene).includes(tokenMechanism)) return settle(state, step, running)
  if (!isFromRight(state, signedIn.account)) return refuse(state, running, { condition: 'invalid-authzid' })
  return beginInline(state, { scene, signedIn }, { mechanism, request: sasl2, data: step.data })
}

/** Tokens are counted, made and forgotten before anything else is done. Source: XEP-0484 §3.3–§3.6. */
function settle(
  state: StreamState,
  step: SaslSuccess,
  given: {
    readonly scene: StreamScene
    readonly sasl2: Sasl2Request
    readonly mechanism: string
    readonly signedIn?: SignedIn | undefined
    readonly used?: UsedToken
  },
): Transition {
  const { scene, sasl2, mechanism, signedIn, used } = given
  const account = accountOf(step.username, state, scene)
  if (!isFromRight(state, account)) return refuse(state, given, { condition: 'invalid-authzid' })
  const isOffered = tokenMechanismsOf(state, scene).includes(sasl2.tokenMechanism ?? '')
  const { tokenMechanism: _, ...rest } = sasl2
  return goTo(
    state,
    { kind: 'settling', mechanism, sasl2, data: step.data, signedIn },
    { do: 'settleTokens', account, request: isOffered ? sasl2 : rest, used },
  )
}

/** XEP-0388 §2.3, §4.4: who signs in is who the stream's header says, if it says anybody. */
function isFromRight({ from }: StreamState, account: BareJid): boolean {
  return from === '' || from === account
}

function accountOf(username: string, state: StreamState, scene: StreamScene): BareJid {
  return bareJid(username, state.domain ?? scene.domain)
}

/** What the salt of a name without an account is made of: another at each domain, as those of accounts are. Source: RFC 5802 §9. */
function saltName(username: string, { domain }: StreamState, scene: StreamScene): string {
  return domain === undefined || domain === scene.domain ? username : `${username}@${domain}`
}

/** Refuses an attempt. Source: RFC 6120 §6.4.5: it may be made again, but not for ever. */
export function refuse(
  state: StreamState,
  { scene, sasl2 }: Exchange,
  failure: { readonly condition: string; readonly text?: string },
): Transition {
  const failures = state.failures + 1
  const text = textOfFailure(sasl2, failure)
  const failed: StreamState = { ...state, failures }
  const count = { do: 'countFailure', condition: failure.condition } as const
  if (failures < maxFailuresPerStream) return goTo(failed, { kind: 'delaying' }, count, { do: 'delay', text })
  const ended = failWith(failed, scene, ['policy-violation', 'too many failed attempts'])
  return { ...ended, effects: [count, { do: 'write', text }, ...ended.effects] }
}

function textOfFailure(
  sasl2: Sasl2Request | undefined,
  { condition, text }: { readonly condition: string; readonly text?: string },
): string {
  return sasl2 === undefined ? saslFailureText(condition, text) : failureText(condition, text)
}

/** The bytes of a base64 text; undefined where it is none. */
export function readBase64(text: string): Uint8Array | undefined {
  return base64.test(text) ? Buffer.from(text, 'base64') : undefined
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
