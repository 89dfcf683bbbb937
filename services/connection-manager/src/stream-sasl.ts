import { type BareJid, bareJid } from '@starling/jid'
import { type SaslStep, startSasl } from '@starling/sasl'
import { ns } from '@starling/stanza'
import { parseElement, type ScannedElement } from '@starling/xml'
import { failWith, goTo, stay } from './stream-end.ts'
import { isSecureEnough, mechanismsOf } from './stream-features.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamEvent, StreamState, Transition } from './stream-state.ts'
import { saslDataText, saslFailureText } from './stream-text.ts'

/** Failed attempts that a stream is allowed before it ends. Source: RFC 6120 §6.4.5. Units: attempts. */
export const maxFailuresPerStream = 3

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A SASL element of the client. Source: RFC 6120 §6.4. */
export function receiveSasl(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  const { phase } = state
  switch (element.name) {
    case 'auth':
      if (phase.kind === 'unauthenticated') return startExchange(state, element, scene)
      return failWith(state, scene, ['policy-violation', 'an exchange is under way']) // RFC 6120 §6.4.2: one at a time
    case 'response': {
      if (phase.kind !== 'challenged') return refuse(state, scene, { condition: 'malformed-request' })
      const data = decodeData(element)
      if (data === undefined) return refuse(state, scene, { condition: 'incorrect-encoding' }) // RFC 6120 §6.5.5
      return takeStep(state, phase.step.next(data), { scene, mechanism: phase.mechanism, signedIn: phase.signedIn })
    }
    case 'abort':
      return refuse(state, scene, { condition: 'aborted' }) // RFC 6120 §6.4.4
    default:
      return failWith(state, scene, ['unsupported-stanza-type', 'not a SASL element'])
  }
}

/** What the shell found out for an exchange. */
export function continueSasl(
  state: StreamState,
  event: Extract<StreamEvent, { readonly kind: 'lookedUp' | 'signInRefused' | 'computed' }>,
  scene: StreamScene,
): Transition {
  const { phase } = state
  switch (event.kind) {
    case 'signInRefused':
      return phase.kind === 'lookingUp' || phase.kind === 'computing'
        ? goTo(
            state,
            { kind: 'delaying' },
            { do: 'countFailure', condition: event.condition },
            { do: 'delay', text: saslFailureText(event.condition) },
          )
        : stay(state)
    case 'lookedUp': {
      if (phase.kind !== 'lookingUp') return stay(state)
      const { mechanism } = phase
      const next = phase.step.next(event.credentials)
      if (next instanceof Promise) {
        const computing = { kind: 'computing', signedIn: event.signedIn, mechanism } as const
        return goTo(state, computing, { do: 'compute', step: next })
      }
      return takeStep(state, next, { scene, mechanism, signedIn: event.signedIn })
    }
    case 'computed':
      if (phase.kind !== 'computing') return stay(state)
      return takeStep(state, event.step, { scene, mechanism: phase.mechanism, signedIn: phase.signedIn })
    default:
      return event satisfies never
  }
}

function startExchange(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  // RFC 6120 §6.5.4: nothing is negotiated in the clear where TLS is required
  if (!isSecureEnough(state, scene)) return refuse(state, scene, { condition: 'encryption-required' })
  const mechanism = element.attributes['mechanism'] ?? ''
  const text = textOf(element)
  const initial = text === '' ? undefined : decodeData(element) // RFC 6120 §6.4.2: no text, no initial response
  if (text !== '' && initial === undefined) return refuse(state, scene, { condition: 'incorrect-encoding' })
  const step = startSasl(mechanism, initial, {
    nonce: () => scene.nonce(),
    domain: scene.domain,
    isSecure: state.isSecure,
    offered: mechanismsOf(state, scene),
    channelBinding: (type) => scene.channelBinding(type),
    pretendSalt: (username) => scene.pretendSalt(username),
  })
  return takeStep(state, step, { scene, mechanism, signedIn: undefined })
}

interface Exchange {
  readonly scene: StreamScene
  readonly mechanism: string
  /** Who is about to prove it; undefined before the first look-up. */
  readonly signedIn: SignedIn | undefined
}

function takeStep(state: StreamState, step: SaslStep, exchange: Exchange): Transition {
  const { scene, mechanism, signedIn } = exchange
  switch (step.do) {
    case 'challenge':
      return goTo(
        state,
        { kind: 'challenged', step, signedIn, mechanism },
        { do: 'write', text: saslDataText('challenge', step.data) },
      )
    case 'lookUp':
      return goTo(
        state,
        { kind: 'lookingUp', step, mechanism },
        { do: 'lookUp', account: accountOf(step.username, scene) },
      )
    case 'lookUpTokens': // never offered here: tokens are SASL2's (XEP-0484 §3.1)
      return refuse(state, scene, { condition: 'invalid-mechanism' })
    case 'failure':
      return refuse(state, scene, step)
    case 'success':
      // A mechanism that never looked anything up can prove nobody.
      if (signedIn === undefined || signedIn.account !== accountOf(step.username, scene)) {
        return refuse(state, scene, { condition: 'not-authorized' })
      }
      return {
        // RFC 6120 §6.3.2: after success both sides begin a new stream
        state: { ...state, phase: { kind: 'unopened', signedIn }, isOpened: false, lang: '' },
        effects: [
          { do: 'signedIn', mechanism },
          { do: 'write', text: saslDataText('success', step.data) },
          { do: 'restart' },
        ],
      }
    default:
      return step satisfies never
  }
}

function accountOf(username: string, scene: StreamScene): BareJid {
  return bareJid(username, scene.domain)
}

/** RFC 6120 §6.4.5: a failure may be tried again, but not for ever. */
function refuse(
  state: StreamState,
  scene: StreamScene,
  failure: { readonly condition: string; readonly text?: string },
): Transition {
  const failures = state.failures + 1
  const text = saslFailureText(failure.condition, failure.text)
  const failed: StreamState = { ...state, failures }
  const count = { do: 'countFailure', condition: failure.condition } as const
  if (failures < maxFailuresPerStream) return goTo(failed, { kind: 'delaying' }, count, { do: 'delay', text })
  const ended = failWith(failed, scene, ['policy-violation', 'too many failed attempts'])
  return { ...ended, effects: [count, { do: 'write', text }, ...ended.effects] }
}

function textOf(element: ScannedElement): string {
  return parseElement(element.raw).getText().trim()
}

/** The bytes of a SASL element; '=' stands for none. Source: RFC 6120 §6.4.2. */
function decodeData(element: ScannedElement): Uint8Array | undefined {
  const text = textOf(element)
  if (element.payloads.length > 0) return undefined
  if (text === '=') return new Uint8Array()
  return base64.test(text) ? Buffer.from(text, 'base64') : undefined
}

/** Whether the element is of SASL. */
export function isSaslElement(element: ScannedElement): boolean {
  return element.namespace === ns.sasl
}
