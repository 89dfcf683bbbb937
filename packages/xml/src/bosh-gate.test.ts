import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGate } from './gate.ts'
import { authenticatedLimits } from './limits.ts'
import { bodyNamespace } from './stream-names.ts'

const body = (inner: string, more = ''): string => `<body rid='1' ${more} xmlns='${bodyNamespace}'>${inner}</body>`

/** What one whole request yields, in short. */
function read(text: string): readonly string[] {
  return createGate({ framing: 'bosh', limits: authenticatedLimits })
    .push(Buffer.from(text))
    .map((event) => {
      if (event.kind === 'element') return `${event.element.namespace}: ${Buffer.from(event.element.raw)}`
      return event.kind === 'fault' ? `${event.kind}: ${event.condition}` : event.kind
    })
}

describe('XEP-0124 §6: a gate for <body/>', () => {
  it('cuts it into its elements; XEP-0206 §2: those without a namespace are the client’s', () => {
    assert.deepEqual(read(body("<iq id='1'><x xmlns='urn:x'/></iq> <message xmlns='jabber:client'/>")), [
      'open',
      "jabber:client: <iq id='1'><x xmlns='urn:x'/></iq>",
      "jabber:client: <message xmlns='jabber:client'/>",
      'close',
    ])
  })

  it('prefixes of the body are declared where they are used', () => {
    const text = body("<a:auth mechanism='PLAIN'/>", "xmlns:a='urn:ietf:params:xml:ns:xmpp-sasl'")
    assert.deepEqual(read(text).slice(1, 2), [
      "urn:ietf:params:xml:ns:xmpp-sasl: <a:auth xmlns:a='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>",
    ])
  })

  it('an empty one is begun and ended', () => {
    assert.deepEqual(read(`<body rid='1' xmlns='${bodyNamespace}'/>`), ['open', 'close'])
  })

  it('refuses what is no body, text between elements, and what follows', () => {
    assert.deepEqual(read("<body xmlns='urn:other'/>"), ['fault: bad-format'])
    assert.deepEqual(read(`<bodies xmlns='${bodyNamespace}'/>`), ['fault: bad-format'])
    assert.deepEqual(read(body('text')), ['open', 'fault: bad-format'])
    assert.deepEqual(read(`${body('')}<body/>`), ['open', 'close', 'fault: not-well-formed'])
    assert.deepEqual(read(body('<!-- no -->')), ['open', 'fault: restricted-xml'])
  })
})
