import { answer, ask, defineModule, refuseStep, type Step, type StorageContext } from '@starling/core'
import { ns } from '@starling/stanza'
import { type Element, parseElement, serializeElement, xml } from '@starling/xml'
import { always, errorOf } from './shared/answers.ts'
import { numberOption } from './shared/options.ts'

const id = 'XEP-0049'
const kind = 'private'

/** How long namespace and name of an element may be together: they are a key of storage. Units: bytes. */
export const maxNameBytes = 1024

type Piece = { readonly name: string; readonly body: Uint8Array }

/**
 * Keeps pieces of XML that only the account itself can read.
 * Source: XEP-0049 §2.
 */
export const privateXml = defineModule({
  spec: { id, name: 'Private XML Storage', version: '1.2', status: 'complete' },
  name: 'privateXml',
  accountFeatures: [ns.privateXml],
  options: {
    maxElements: {
      type: 'int',
      default: 100,
      min: 1,
      unit: 'elements',
      doc: 'How many elements an account may keep; one more is refused with resource-constraint.',
    },
    maxElementBytes: {
      type: 'int',
      default: 65_536,
      min: 1024,
      unit: 'bytes',
      doc: 'How long one element may be; a longer one is refused with policy-violation.',
    },
  },
  iq: {
    'get account {jabber:iq:private}query': always('forbidden'), // §2.3
    'set account {jabber:iq:private}query': always('forbidden'),
  },
  storedIq: {
    'get self {jabber:iq:private}query': read,
    'set self {jabber:iq:private}query': write,
  },
})

function read(payload: Element, context: StorageContext): Step {
  const [asked, ...more] = payload.getChildElements()
  if (asked === undefined) return refuseStep(errorOf('bad-request', 'nothing is asked for')) // §2.3 "Bad Format"
  if (more.length > 0 || !isNamed(asked)) return refuseStep(errorOf('not-acceptable')) // §2.3: one namespace a get
  if (!isShort(nameOf(asked))) return answer(xml('query', { xmlns: ns.privateXml }, bare(asked))) // never was set
  return ask('document.get', { owner: context.account, kind, name: nameOf(asked) }, (found) =>
    // §2.3: what was never set is returned as it was asked
    answer(xml('query', { xmlns: ns.privateXml }, found === undefined ? bare(asked) : parseElement(found.body))),
  )
}

function write(payload: Element, context: StorageContext): Step {
  const elements = payload.getChildElements()
  if (elements.length === 0 || !elements.every(isNamed)) return refuseStep(errorOf('not-acceptable')) // §2.3
  // the last of a name is the one that stays
  const pieces = [...new Map(elements.map((one) => [nameOf(one), serializeElement(one)]))].map(([name, body]) => ({
    name,
    body,
  }))
  if (!pieces.every((piece) => isShort(piece.name))) {
    return refuseStep(errorOf('policy-violation', `a namespace and a name may have ${maxNameBytes} bytes`))
  }
  const maxBytes = numberOption(context, id, 'maxElementBytes')
  if (pieces.some((piece) => piece.body.length > maxBytes)) {
    return refuseStep(errorOf('policy-violation', `an element may have ${maxBytes} bytes`))
  }
  const maxElements = numberOption(context, id, 'maxElements')
  return ask('document.list', { owner: context.account, kind }, (kept) => {
    const names = new Set([...kept.map((document) => document.name), ...pieces.map((piece) => piece.name)])
    if (names.size > maxElements) {
      return refuseStep(errorOf('resource-constraint', `an account may keep ${maxElements} elements`))
    }
    return putAll(context, pieces)
  })
}

/** One question a piece, so that the result says that all of them are kept. */
function putAll(context: StorageContext, [piece, ...rest]: readonly Piece[]): Step {
  if (piece === undefined) return answer()
  return ask('document.put', { owner: context.account, kind, ...piece }, () => putAll(context, rest))
}

/** §2.1: an element has a namespace of its own. */
function isNamed(element: Element): boolean {
  const namespace = element.getNS()
  return namespace !== undefined && namespace !== ns.privateXml && namespace !== ns.client
}

function isShort(name: string): boolean {
  return Buffer.byteLength(name) <= maxNameBytes
}

function nameOf(element: Element): string {
  return `{${element.getNS() ?? ''}}${element.getName()}`
}

function bare(element: Element): Element {
  return xml(element.getName(), { xmlns: element.getNS() ?? '' })
}
