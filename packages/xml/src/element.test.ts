import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Element, isElement, parseElement, xml } from './element.ts'
import { escapeText, escapeXml } from './escape.ts'
import { readElement, scanElement } from './scan-element.ts'
import { serializeElement, serializeToString } from './serialize.ts'
import { createMutant, createRandom, stanzaCorpus } from './test-mutants.ts'
import { canonicalInfoset } from './test-oracle.ts'

function parse(text: string): Element {
  const result = readElement(Buffer.from(text))
  assert.ok(result.ok, text)
  return result.value
}

describe('elements of canonical bytes', () => {
  it('know their namespaces, the root its default', () => {
    const message = parse("<message to='a'><body>x</body><p:a xmlns:p='u'><b xmlns='v'/></p:a></message>")
    assert.equal(message.getNS(), 'jabber:client')
    assert.equal(message.getChildText('body', 'jabber:client'), 'x')
    assert.equal(message.getChild('a', 'u')?.getChild('b', 'v')?.getNS(), 'v')
    assert.equal(message.getChild('a', 'v'), undefined)
  })

  it('hold decoded text, one string where references and CDATA part it', () => {
    const body = parse("<body a='&lt;&#10;\n&apos;'>&lt;\r\n&#x1F600;<![CDATA[&lt;\r]]>&amp;lt;</body>")
    assert.deepEqual(body.children, ['<\n\u{1f600}&lt;\n&lt;'])
    assert.equal(body.attrs['a'], "<\n '")
  })

  it('property: parsing and serialising keeps the infoset of every stanza', () => {
    for (const text of stanzaCorpus) {
      const scanned = scanElement(Buffer.from(text))
      assert.ok(scanned.ok)
      const { raw } = scanned.value
      assert.deepEqual(canonicalInfoset(serializeElement(parseElement(raw))), canonicalInfoset(raw))
    }
  })

  it('property: serialising keeps any text and attribute value that XML can say', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const raw = serializeElement(xml('body', { a: text }, text))
        const { attrs, children } = parse(raw.toString())
        const readable = text.toWellFormed().replace(/[^\t\n\r\u{20}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
        assert.equal(attrs['a'], readable)
        assert.equal(children.join(''), readable)
      }),
    )
  })
})

describe('serialising', () => {
  it('leaves jabber:client out at the root only', () => {
    const message = xml('message', { xmlns: 'jabber:client' }, xml('message', { xmlns: 'jabber:client' }))
    assert.equal(serializeToString(message), "<message><message xmlns='jabber:client'/></message>")
  })

  it('writes on an inner element what it inherits', () => {
    const outer = parse("<iq xmlns:p='u' xmlns:q='w'><a xmlns='v'><b xmlns:q='x'><p:c/></b></a></iq>")
    const inner = outer.getChild('a')?.getChild('b')
    assert.ok(inner !== undefined)
    assert.equal(serializeToString(inner), "<b xmlns='v' xmlns:p='u' xmlns:q='x'><p:c/></b>")
  })

  it('leaves out attributes and children that are not there, and takes numbers', () => {
    const attributes = { id: undefined, n: 5 }
    assert.equal(serializeToString(xml('a', attributes, null, undefined, false, xml('b'), 'c')), "<a n='5'><b/>c</a>")
    assert.deepEqual(attributes, { id: undefined, n: 5 })
  })

  it('escapes', () => {
    assert.equal(escapeXml(`<&>"'\t\n\r\u{0}\u{d800}é`), '&lt;&amp;&gt;&quot;&apos;&#9;&#10;&#13;\u{fffd}\u{fffd}é')
    assert.equal(escapeText(`<&>"'\t\n\r\u{ffff}`), `&lt;&amp;&gt;"'\t\n&#13;\u{fffd}`)
  })
})

describe('bytes that never passed the gate', () => {
  it('readElement: are refused by a value', () => {
    for (const text of [
      '',
      'x',
      '<a>',
      '<a/><b/>',
      '<a/> ',
      '</a>',
      '<a>&b;</a>',
      '<?xml version="1.0"?><a/>',
      '<a b/>',
    ]) {
      assert.equal(readElement(Buffer.from(text)).ok, false, text)
    }
  })

  it('property: parseElement ends, and does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        assert.ok(isElement(parseElement(bytes)))
      }),
    )
    const random = createRandom(7)
    for (let i = 0; i < 2000; i++) assert.ok(isElement(parseElement(createMutant(random))))
  })
})
