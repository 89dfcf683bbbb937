import { ns } from '@starling/stanza'
import { parseElement, type ScannedElement } from '@starling/xml'
import { readAuthenticate, type Sasl2Request } from './sasl2-request.ts'
import { failWith } from './stream-end.ts'
import { readBase64, refuse, startExchange, takeResponse } from './stream-exchange.ts'
import { isSasl2Offered, mechanismsOf, tokenMechanismsOf } from './stream-offers.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState, Transition } from './stream-state.ts'

const nothing: Sasl2Request = { client: '' }

/** Whether the element is of SASL2. */
export function isSasl2Element(element: ScannedElement): boolean {
  return element.namespace === ns.sasl2
}

/** Whether an exchange of SASL2 is under way: then nothing else may come. Source: XEP-0388 §2.4. */
export function isInSasl2({ phase }: StreamState): boolean {
  return phase.kind === 'challenged' && phase.sasl2 !== undefined
}

/** A SASL2 element of a client that has not signed in. Source: XEP-0388 §2.3–§2.5. */
export function receiveSasl2(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  const { phase } = state
  switch (element.name) {
    case 'authenticate':
      if (phase.kind === 'unauthenticated') return authenticate(state, element, scene)
      return failWith(state, scene, ['policy-violation', 'an exchange is under way'])
    case 'response': {
      if (phase.kind !== 'challenged' || phase.sasl2 === undefined) {
        return failWith(state, scene, ['policy-violation', 'nothing was asked'])
      }
      const data = readBase64(parseElement(element.raw).getText().trim())
      if (data === undefined) return refuse(state, { scene, sasl2: phase.sasl2 }, { condition: 'incorrect-encoding' })
      return takeResponse(state, data, { scene, phase })
    }
    case 'abort': // XEP-0388 §4.5
      return refuse(state, { scene, sasl2: nothing }, { condition: 'aborted' })
    default:
      return failWith(state, scene, ['unsupported-stanza-type', 'not an element of the exchange'])
  }
}

function authenticate(state: StreamState, element: ScannedElement, scene: StreamScene): Transition {
  const read = readAuthenticate(element)
  const sasl2 = read?.request ?? nothing
  if (!isSasl2Offered(state, scene)) {
    return refuse(state, { scene, sasl2 }, { condition: 'encryption-required' }) // XEP-0388 §3
  }
  if (read === undefined) return refuse(state, { scene, sasl2 }, { condition: 'malformed-request' })
  const { mechanism } = read
  // XEP-0388 §2.2: an element that is there and empty is an empty message
  const initial = read.initial === undefined ? undefined : readBase64(read.initial)
  if (read.initial !== undefined && initial === undefined) {
    return refuse(state, { scene, sasl2 }, { condition: 'incorrect-encoding' })
  }
  const passwords = mechanismsOf(state, scene)
  // XEP-0484 §3.4: a token is used where the client says so, and then its client must say who it is (§4.1)
  const offered =
    sasl2.fast === undefined || sasl2.client === '' ? passwords : [...tokenMechanismsOf(state, scene), ...passwords]
  return startExchange(state, { mechanism, initial, offered }, { scene, sasl2 })
}
