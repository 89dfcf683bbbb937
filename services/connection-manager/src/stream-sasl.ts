import { ns } from '@starling/stanza'
import { parseElement, type ScannedElement } from '@starling/xml'
import { failWith } from './stream-end.ts'
import { readBase64, refuse, startExchange, takeResponse } from './stream-exchange.ts'
import { isSecureEnough, mechanismsOf } from './stream-offers.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState, Transition } from './stream-state.ts'

/** A SASL element of the client. Source: RFC 6120 §6.4. */
export function receiveSasl(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  const { phase } = state
  switch (element.name) {
    case 'auth':
      if (phase.kind === 'unauthenticated') return authenticate(state, element, scene)
      return failWith(state, scene, ['policy-violation', 'an exchange is under way']) // RFC 6120 §6.4.2: one at a time
    case 'response': {
      if (phase.kind !== 'challenged') return refuse(state, { scene }, { condition: 'malformed-request' })
      const data = decodeData(element)
      if (data === undefined) return refuse(state, { scene }, { condition: 'incorrect-encoding' }) // RFC 6120 §6.5.5
      return takeResponse(state, data, { scene, phase })
    }
    case 'abort':
      return refuse(state, { scene }, { condition: 'aborted' }) // RFC 6120 §6.4.4
    default:
      return failWith(state, scene, ['unsupported-stanza-type', 'not a SASL element'])
  }
}

function authenticate(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  // RFC 6120 §6.5.4: nothing is negotiated in the clear where TLS is required
  if (!isSecureEnough(state, scene)) return refuse(state, { scene }, { condition: 'encryption-required' })
  const mechanism = element.attributes['mechanism'] ?? ''
  const text = textOf(element)
  const initial = text === '' ? undefined : decodeData(element) // RFC 6120 §6.4.2: no text, no initial response
  if (text !== '' && initial === undefined) return refuse(state, { scene }, { condition: 'incorrect-encoding' })
  return startExchange(state, { mechanism, initial, offered: mechanismsOf(state, scene) }, { scene })
}

function textOf(element: ScannedElement): string {
  return parseElement(element.raw).getText().trim()
}

/** The bytes of a SASL element; '=' stands for none. Source: RFC 6120 §6.4.2. */
function decodeData(element: ScannedElement): Uint8Array | undefined {
  const text = textOf(element)
  if (element.payloads.length > 0) return undefined
  return text === '=' ? new Uint8Array() : readBase64(text)
}

/** Whether the element is of SASL. */
export function isSaslElement(element: ScannedElement): boolean {
  return element.namespace === ns.sasl
}
