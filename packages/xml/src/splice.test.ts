import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ScannedElement } from './events.ts'
import { scanElement } from './scan-element.ts'
import {
  appendChildren,
  insertRootAttributes,
  removeChildren,
  setRootAttribute,
  stamp,
  withNamespace,
} from './splice.ts'
import { stanzaCorpus } from './test-mutants.ts'
import { canonicalInfoset, type Infoset } from './test-oracle.ts'

function scanned(text: string | Uint8Array): ScannedElement {
  const result = scanElement(Buffer.from(text))
  assert.ok(result.ok, String(text))
  return result.value
}

function infoset(raw: Uint8Array): Infoset {
  const result = canonicalInfoset(raw)
  assert.ok(typeof result !== 'string', raw.toString())
  return result
}

const canonicalCorpus = stanzaCorpus.map((text) => scanned(text).raw)
const anyStanza = fc.constantFrom(...canonicalCorpus)
const anyText = fc.string({ unit: 'binary', maxLength: 20 })

/** What is read back of a text: what XML cannot say is replaced, nothing else changes. */
function readable(text: string): string {
  return text.toWellFormed().replace(/[^\t\n\r\u{20}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
}

function withoutAttributes(original: Infoset, ...names: readonly string[]): readonly string[] {
  return original.attributes.filter((attribute) => !names.some((name) => attribute.startsWith(`${name}=`)))
}

describe('stamping', () => {
  it('RFC 6120 §8.1.2.1: replaces a forged from, wherever it stands, and leaves the rest byte for byte', () => {
    const element = scanned(`<message  type='chat' from = "romeo@x"\n id='1' ><body>from='a'</body></message >`)
    assert.equal(
      stamp(element, { from: `o'neil@d/<&"` }).toString(),
      `<message from='o&apos;neil@d/&lt;&amp;&quot;'  type='chat'\n id='1' ><body>from='a'</body></message >`,
    )
  })

  it('adds what is not there, removes what is null, leaves alone what is not named', () => {
    const element = scanned("<iq to='a' id='1'/>")
    assert.equal(stamp(element, { from: 'b', to: null, lang: 'en' }).toString(), "<iq from='b' xml:lang='en' id='1'/>")
    assert.equal(stamp(element, {}), element.raw)
  })

  it('is not led astray by names and values that look alike', () => {
    const element = scanned(`<a x:from='1' xmlns:x='u' fromm='2' b=" from='3'"/>`)
    assert.equal(stamp(element, { from: null }), element.raw)
    assert.equal(
      stamp(element, { from: 'z' }).toString(),
      `<a from='z' x:from='1' xmlns:x='u' fromm='2' b=" from='3'"/>`,
    )
  })

  it('property: passes the gate, says what was set, and differs in nothing else', () => {
    fc.assert(
      fc.property(anyStanza, anyText, fc.option(anyText), (raw, from, to) => {
        const before = infoset(raw)
        const after = infoset(stamp(scanned(raw), { from, to }))
        const set = [`{}from=${readable(from)}`, ...(to === null ? [] : [`{}to=${readable(to)}`])]
        assert.deepEqual(after.attributes, [...withoutAttributes(before, '{}from', '{}to'), ...set].sort())
        assert.deepEqual({ ...after, attributes: [] }, { ...before, attributes: [] })
      }),
    )
  })

  it('property: setting one attribute and removing it gives the bytes of having removed it', () => {
    fc.assert(
      fc.property(anyStanza, fc.constantFrom('id', 'to', 'xml:lang', 'new'), anyText, (raw, name, value) => {
        const removed = setRootAttribute(raw, name, null)
        const there = setRootAttribute(raw, name, value)
        assert.equal(scanned(there).attributes[name], readable(value))
        assert.deepEqual(Buffer.from(setRootAttribute(there, name, null)), Buffer.from(removed))
      }),
    )
  })
})

describe('splicing children', () => {
  const child = Buffer.from("<delay xmlns='urn:xmpp:delay' stamp='1'/>")

  it('opens an empty root and goes before any form of end tag', () => {
    const append = (text: string) => appendChildren(Buffer.from(text), Buffer.from('<z/>')).toString()
    assert.equal(append('<x/>'), '<x><z/></x>')
    assert.equal(append("<a:x b='/>' />"), "<a:x b='/>' ><z/></a:x>")
    assert.equal(append('<x></x\n>'), '<x><z/></x\n>')
    assert.equal(append('<x>t<![CDATA[</x>]]></x>'), '<x>t<![CDATA[</x>]]><z/></x>')
  })

  it('property: appends to any stanza, and removal gives the stanza back', () => {
    fc.assert(
      fc.property(anyStanza, (raw) => {
        const longer = appendChildren(raw, child)
        const before = infoset(raw)
        assert.deepEqual(infoset(longer), { ...before, children: [...before.children, infoset(child)] })
        const again = removeChildren(longer, ({ namespace }) => namespace === 'urn:xmpp:delay')
        assert.deepEqual(infoset(again), before)
      }),
    )
  })

  it('removes just the direct children it is told to, by name, namespace and attributes', () => {
    const raw = Buffer.from(
      `<message><a/>t<stanza-id xmlns='urn:xmpp:sid:0' by='me' id='1'/><p:b xmlns:p='u'><stanza-id xmlns='urn:xmpp:sid:0' by='me'/></p:b><![CDATA[<a/>]]><stanza-id xmlns='urn:xmpp:sid:0' by='you'>></stanza-id><c by='me'/></message>`,
    )
    const seen: string[] = []
    const rest = removeChildren(raw, ({ name, namespace, attributes }) => {
      seen.push(`${name} ${namespace}`)
      return namespace === 'urn:xmpp:sid:0' && attributes['by'] === 'me'
    })
    assert.deepEqual(seen, [
      'a jabber:client',
      'stanza-id urn:xmpp:sid:0',
      'b u',
      'stanza-id urn:xmpp:sid:0',
      'c jabber:client',
    ])
    assert.equal(rest.toString(), raw.toString().replace("<stanza-id xmlns='urn:xmpp:sid:0' by='me' id='1'/>", ''))
    assert.equal(
      removeChildren(raw, () => false),
      raw,
    )
  })

  it('property: names the children as the gate names the payloads', () => {
    fc.assert(
      fc.property(anyStanza, (raw) => {
        const seen: unknown[] = []
        removeChildren(raw, ({ name, namespace }) => seen.push({ name, namespace }) < 0)
        assert.deepEqual(seen, scanned(raw).payloads)
      }),
    )
  })
})

describe('RFC 7395 §3.3.2 output', () => {
  it('names the default namespace on the root, once', () => {
    const raw = withNamespace(Buffer.from("<iq id='1'><q xmlns='u'/></iq>"), 'jabber:client')
    assert.equal(raw.toString(), "<iq xmlns='jabber:client' id='1'><q xmlns='u'/></iq>")
    assert.equal(withNamespace(raw, 'jabber:client'), raw)
  })

  it('property: canonical bytes come back from the gate', () => {
    fc.assert(
      fc.property(anyStanza, (raw) => {
        assert.deepEqual(infoset(scanned(withNamespace(raw, 'jabber:client')).raw), infoset(raw))
      }),
    )
  })
})

describe('splicing of bytes that never passed the gate', () => {
  it('property: ends, and does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), anyStanza, fc.nat(), (noise, raw, at) => {
        for (const bytes of [noise, raw.subarray(0, at % raw.length)]) {
          insertRootAttributes(bytes, { a: 'b', c: null })
          appendChildren(bytes, noise)
          removeChildren(bytes, () => true)
          withNamespace(bytes, 'u')
        }
      }),
    )
  })
})
