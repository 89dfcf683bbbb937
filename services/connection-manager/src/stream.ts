import { errorReply, isStanzaElement, ns, type StreamError, stanzaError } from '@starling/stanza'
import { parseElement, type ScannedElement } from '@starling/xml'
import { failedText } from './sm-text.ts'
import { finishBind, headerOf, receiveUnbound } from './stream-bind.ts'
import { closeStream, failStream, failWith, goTo, stay } from './stream-end.ts'
import { continueExchange } from './stream-exchange.ts'
import { inlineBound, inlineRefused } from './stream-inline.ts'
import { canStartTls, isSecureEnough } from './stream-offers.ts'
import { openStream } from './stream-open.ts'
import { isSaslElement, receiveSasl } from './stream-sasl.ts'
import { isInSasl2, isSasl2Element, receiveSasl2 } from './stream-sasl2.ts'
import type { StreamScene } from './stream-scene.ts'
import { isSmElement, receiveSignal } from './stream-sm.ts'
import { receiveBound } from './stream-stanza.ts'
import { initialStreamState, type StreamEvent, type StreamState, type Transition } from './stream-state.ts'

/**
 * One step of a client's stream: pure, and it never throws.
 * Source: RFC 6120 §4–§8; RFC 7395.
 */
export function stepStream(state: StreamState, event: StreamEvent, scene: StreamScene): Transition {
  const { phase } = state
  if (phase.kind === 'ended') return stay(state)
  switch (event.kind) {
    case 'element':
      return receiveElement(state, event.element, scene)
    case 'open':
      if (phase.kind === 'unopened') return openStream(state, event, scene)
      return failWith(state, scene, ['bad-format', 'a stream header inside of a stream'])
    case 'close':
      return closeStream(state, scene)
    case 'fault':
      return failStream(state, scene, faultOf(event))
    case 'end':
      return failStream(state, scene, { ...event.error, reason: event.reason })
    case 'secured':
      // RFC 6120 §5.4.3.3: everything known from before TLS is forgotten
      return phase.kind === 'securing' ? stay({ ...initialStreamState(true), failures: state.failures }) : stay(state)
    case 'lookedUp':
    case 'tokensFound':
    case 'tokensSettled':
    case 'signInRefused':
    case 'computed':
      return continueExchange(state, event, scene)
    case 'delayed':
      return phase.kind === 'delaying' ? goTo(state, { kind: 'unauthenticated' }) : stay(state)
    case 'answered':
      return answered(state, event)
    case 'bound':
      if (phase.kind !== 'binding') return stay(state)
      if (phase.inline !== undefined) {
        return inlineBound(state, event, { phase: { ...phase, inline: phase.inline }, scene })
      }
      return finishBind(state, event, phase.signedIn)
    case 'signal':
      return receiveSignal(state, event.head, scene)
    case 'output':
      // An answer without a resource: it was refused, the client may try again (RFC 6120 §7.7.2).
      if (phase.kind === 'binding') {
        if (phase.inline !== undefined) {
          return inlineRefused(state, event.raw, { phase: { ...phase, inline: phase.inline }, scene })
        }
        return goTo(state, { kind: 'authenticated', signedIn: phase.signedIn }, { do: 'send', raw: event.raw })
      }
      return phase.kind === 'bound' ? stay(state, { do: 'send', raw: event.raw }) : stay(state)
    default:
      return event satisfies never
  }
}

/** Whether the stream waits for an answer of ours: nothing more of the client may be read until it is there. */
export function isWaiting(state: StreamState): boolean {
  switch (state.phase.kind) {
    case 'lookingUp':
    case 'computing':
    case 'settling':
    case 'delaying':
    case 'asking':
    case 'binding':
    case 'resuming':
      return true
    case 'bound':
      return state.phase.isAsking === true
    case 'unopened':
    case 'unauthenticated':
    case 'securing':
    case 'challenged':
    case 'authenticated':
    case 'ended':
      return false
    default:
      return state.phase satisfies never
  }
}

function receiveElement(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  const { phase } = state
  switch (phase.kind) {
    case 'bound':
      return receiveBound(state, element, { scene, phase })
    case 'authenticated':
      return receiveUnbound(state, element, { scene, signedIn: phase.signedIn })
    case 'unauthenticated':
    case 'challenged':
      return receiveUnauthenticated(state, element, scene)
    case 'unopened': // over WebSocket, where the gate leaves the order to us
      return failWith(state, scene, ['not-authorized', 'a stream begins with its header'])
    case 'securing':
    case 'lookingUp':
    case 'computing':
    case 'settling':
    case 'delaying':
    case 'asking':
    case 'binding':
    case 'resuming':
      return failWith(state, scene, ['policy-violation', 'an answer is awaited'])
    case 'ended':
      return stay(state)
    default:
      return phase satisfies never
  }
}

function receiveUnauthenticated(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  if (isSasl2Element(element)) return receiveSasl2(state, element, scene)
  if (isInSasl2(state)) return failWith(state, scene, ['policy-violation', 'only the exchange may go on'])
  if (isSaslElement(element)) return receiveSasl(state, element, scene)
  // XEP-0198 §3: the order is enforced by <failed/>
  if (isSmElement(element)) return stay(state, { do: 'write', text: failedText('unexpected-request') })
  if (element.namespace === ns.tls && element.name === 'starttls') return startTls(state, scene)
  const isAsked = state.phase.kind === 'unauthenticated' && isStanzaElement(element) && element.name === 'iq'
  if (isAsked && isSecureEnough(state, scene)) {
    const asked = askStream(state, element, scene)
    if (asked !== undefined) return asked
  }
  // RFC 6120 §4.9.3.12: stanzas, or anything else, before the stream is authenticated
  return failWith(state, scene, ['not-authorized', 'sign in first'])
}

/** Source: RFC 6120 §5.4.2. */
function startTls(state: StreamState, scene: StreamScene): Transition {
  const isAllowed = state.phase.kind === 'unauthenticated' && canStartTls(state, scene)
  if (!isAllowed) {
    // RFC 6120 §5.4.2.2: <failure/>, then the stream is closed
    const { state: ended, effects } = closeStream(state, scene)
    return { state: ended, effects: [{ do: 'write', text: `<failure xmlns='${ns.tls}'/>` }, ...effects] }
  }
  return goTo(
    { ...state, isOpened: false, lang: '' },
    { kind: 'securing' },
    { do: 'write', text: `<proceed xmlns='${ns.tls}'/>` },
    { do: 'restart' },
    { do: 'startTls' },
  )
}

/** Takes the answer of a stream IQ. */
function answered(state: StreamState, { reply, isLast }: Extract<StreamEvent, { kind: 'answered' }>): Transition {
  const { phase } = state
  const send = { do: 'send', raw: reply.raw } as const
  if (phase.kind === 'asking') return goTo(state, { kind: 'unauthenticated' }, send)
  if (phase.kind !== 'bound') return stay(state)
  const after = { ...phase, isAsking: false }
  // XEP-0077 §3.2: the result, then the stream's end; there is no session any more that could count and carry it
  if (isLast === true) return goTo(state, after, send, { do: 'answer' })
  // What a bound client receives is counted: the answer goes the way of all others (R4)
  return goTo(state, after, { do: 'answer', reply })
}

/** An IQ that a module answers before sign-in (in-band registration); undefined when no module does. */
function askStream(state: StreamState, element: ScannedElement, scene: StreamScene): Transition | undefined {
  const [payload, ...more] = element.payloads
  if (payload === undefined || more.length > 0) return undefined
  const request = headerOf(element)
  const found = scene.registry.findStreamIq(request.type, `{${payload.namespace}}${payload.name}`)
  if (found === undefined) return undefined
  if (request.id === '') {
    const reply = errorReply(request, stanzaError('bad-request', { text: 'an iq needs an id' }))
    return reply === undefined ? stay(state) : stay(state, { do: 'send', raw: reply.raw })
  }
  const child = parseElement(element.raw).getChildElements()[0]
  if (child === undefined) return undefined
  return goTo(state, { kind: 'asking' }, { do: 'askStream', handler: found.handler, payload: child, request })
}

function faultOf(fault: StreamError): StreamError {
  return fault.text === undefined ? { condition: fault.condition } : { condition: fault.condition, text: fault.text }
}
