import { answer, ask, defineModule, refuseStep, type Step, type StorageContext } from '@starling/core'
import { bareOf } from '@starling/jid'
import { ns, type Stanza } from '@starling/stanza'
import { type Element, parseElement, serializeElement } from '@starling/xml'
import { always, errorOf } from './shared/answers.ts'
import { numberOption } from './shared/options.ts'

const id = 'XEP-0054'
const document = { kind: 'vcard', name: 'vcard' } as const

/**
 * Keeps an account's card, which everybody may read.
 * Source: XEP-0054 §3.
 */
export const vcard = defineModule({
  spec: { id, name: 'vcard-temp', version: '1.3.0', status: 'complete' },
  name: 'vcard',
  features: [ns.vcard],
  accountFeatures: [ns.vcard],
  options: {
    maxBytes: {
      type: 'int',
      default: 131_072,
      min: 1024,
      unit: 'bytes',
      doc: 'How long a card may be, its picture included; a longer one is refused with policy-violation.',
    },
  },
  iq: { 'set account {vcard-temp}vCard': always('forbidden') }, // §3.2
  storedIq: { 'get account {vcard-temp}vCard': read, 'set self {vcard-temp}vCard': write },
})

function read(_payload: Element, context: StorageContext, request: Stanza): Step {
  const isOwn = request.from !== '' && bareOf(request.from) === context.account
  return ask('document.get', { owner: context.account, ...document }, (found) => {
    if (found !== undefined) return answer(parseElement(found.body))
    // §3.1: to the account itself; §3.3: to others the same as for an account that does not exist
    return refuseStep(errorOf(isOwn ? 'item-not-found' : 'service-unavailable'))
  })
}

function write(payload: Element, context: StorageContext): Step {
  const body = serializeElement(payload)
  const maxBytes = numberOption(context, id, 'maxBytes')
  if (body.length > maxBytes) return refuseStep(errorOf('policy-violation', `a card may have ${maxBytes} bytes`))
  return ask('document.put', { owner: context.account, ...document, body }, () => answer())
}
