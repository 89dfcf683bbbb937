import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid, FullJid } from '@starling/jid'
import { scanElement } from '@starling/xml'
import { delayElement, errorReply, iqResult, makeStanza, payloadOf, streamErrorElement } from './build.ts'
import { stanzaError } from './errors.ts'
import { hasNamespace, hasPayload, isRequest, type Stanza } from './kinds.ts'
import * as ns from './ns.ts'
import { isStanzaElement, readStanza } from './read.ts'

const romeo = 'romeo@example.net/orchard' as FullJid

function scanned(xml: string) {
  const result = scanElement(Buffer.from(xml))
  assert.ok(result.ok, xml)
  return result.value
}

function read(xml: string, lang?: string): Stanza {
  const result = readStanza(scanned(xml), romeo, lang)
  assert.ok(result.ok, xml)
  return result.value
}

function refused(xml: string): string {
  const result = readStanza(scanned(xml), romeo)
  assert.ok(!result.ok, xml)
  assert.equal(result.error.header.from, romeo, 'an answer knows where to go')
  return result.error.error.condition
}

const text = (stanza: Stanza): string => Buffer.from(stanza.raw).toString()

describe('RFC 6120 §8 stanzas read from a client', () => {
  it('§8.1.2.1: from is stamped, whatever the client claims', () => {
    const stanza = read("<message from='eve@example.net/x' to='juliet@example.net' id='1'><body>hi</body></message>")
    assert.equal(stanza.from, romeo)
    assert.match(text(stanza), /from=['"]romeo@example\.net\/orchard['"]/)
    assert.doesNotMatch(text(stanza), /eve/)
  })

  it('§8.1.1: to is normalised in the header and in the bytes', () => {
    const stanza = read("<message to='Juliet@EXAMPLE.net/Balcony'><body>hi</body></message>")
    assert.equal(stanza.to, 'juliet@example.net/Balcony')
    assert.match(text(stanza), /to=['"]juliet@example\.net\/Balcony['"]/)
  })

  it('§8.3.3.8: an address that is none is jid-malformed', () => {
    assert.equal(refused("<message to='@@'><body/></message>"), 'jid-malformed')
  })

  it('§8.1.5: the stream’s language is added where the stanza has none', () => {
    assert.match(text(read('<message><body>ciao</body></message>', 'it')), /xml:lang=['"]it['"]/)
    assert.doesNotMatch(text(read("<message xml:lang='de'><body>hallo</body></message>", 'it')), /['"]it['"]/)
  })

  it('§8.2.3: an iq has an id, a known type, and one child when it asks', () => {
    assert.equal(refused("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"), 'bad-request')
    assert.equal(refused("<iq type='ask' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"), 'bad-request')
    assert.equal(refused("<iq type='get' id='1'/>"), 'bad-request')
    assert.equal(refused("<iq type='set' id='1'><a xmlns='x'/><b xmlns='x'/></iq>"), 'bad-request')
    assert.equal(read("<iq type='result' id='1'/>").type, 'result')
  })

  it('RFC 6121 §5.2.2: a message of unknown or no type is normal; §4.7.1: a presence of unknown type is refused', () => {
    assert.equal(read("<message type='shout'><body/></message>").type, 'normal')
    assert.equal(read('<message><body/></message>').type, 'normal')
    assert.equal(read('<presence/>').type, '')
    assert.equal(refused("<presence type='invisible'/>"), 'bad-request')
  })

  it('only the three of jabber:client are stanzas', () => {
    assert.equal(isStanzaElement(scanned('<message/>')), true)
    assert.equal(isStanzaElement(scanned("<message xmlns='jabber:server'/>")), false)
    assert.equal(isStanzaElement(scanned("<a xmlns='urn:xmpp:sm:3' h='1'/>")), false)
  })

  it('payload names carry their namespaces', () => {
    const stanza = read("<message><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>")
    assert.deepEqual(stanza.payloads, ['{jabber:client}body', '{urn:xmpp:hints}no-store'])
    assert.equal(hasPayload(stanza, ns.hints, 'no-store'), true)
    assert.equal(hasPayload(stanza, ns.hints, 'store'), false)
    assert.equal(hasNamespace(stanza, ns.hints), true)
    assert.equal(hasNamespace(stanza, 'urn:xmpp:hint'), false)
  })
})

describe('RFC 6120 §8.3 errors', () => {
  const request = read("<iq type='get' id='7' to='juliet@example.net'><ping xmlns='urn:xmpp:ping'/></iq>")

  it('§8.3.1: the answer goes back with the id, addresses exchanged', () => {
    const reply = errorReply(request, stanzaError('service-unavailable'))
    assert.ok(reply)
    assert.deepEqual([reply.type, reply.id, reply.from, reply.to], ['error', '7', 'juliet@example.net', romeo])
    assert.equal(
      text(reply),
      "<iq type='error' id='7' from='juliet@example.net' to='romeo@example.net/orchard'><error type='cancel'>" +
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    )
  })

  it('§8.3.1: an error or a result is never answered with an error', () => {
    assert.equal(errorReply(read("<message type='error'/>"), stanzaError('bad-request')), undefined)
    assert.equal(errorReply(read("<iq type='result' id='1'/>"), stanzaError('bad-request')), undefined)
    assert.equal(errorReply(read("<iq type='error' id='1'/>"), stanzaError('bad-request')), undefined)
  })

  it('§8.3.4: a text and an application condition are carried, escaped', () => {
    const reply = errorReply(
      request,
      stanzaError('not-acceptable', { text: 'a < b', application: { name: 'blocked', namespace: ns.blockingErrors } }),
    )
    assert.match(text(reply as Stanza), /a &lt; b<\/text><blocked xmlns='urn:xmpp:blocking:errors'\/>/)
  })

  it('§4.9.2: a stream error', () => {
    assert.match(
      streamErrorElement({ condition: 'conflict', text: 'again' }).toString(),
      /^<stream:error><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"\/>/,
    )
  })
})

describe('stanzas that we build', () => {
  it('a result is an answer to its request', () => {
    const request = read("<iq type='get' id='7'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert.equal(isRequest(request), true)
    const result = iqResult(request)
    assert.deepEqual([result.type, result.id, result.to, result.payloads], ['result', '7', romeo, []])
    assert.equal(isRequest(result), false)
  })

  it('XEP-0203 §2: a delay says who and when', () => {
    const element = delayElement('example.net' as BareJid, 0)
    assert.equal(
      element.toString(),
      '<delay xmlns="urn:xmpp:delay" from="example.net" stamp="1970-01-01T00:00:00.000Z"/>',
    )
  })

  it('makeStanza after payloadOf keeps the payload', () => {
    const request = read("<iq type='set' id='7'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>")
    const payload = payloadOf(request)
    assert.ok(payload)
    assert.equal(makeStanza(payload.parent ?? payload).payloads[0], '{jabber:iq:roster}query')
  })
})
