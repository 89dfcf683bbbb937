import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import type { FaultCondition } from './events.ts'
import { createGate } from './gate.ts'
import { authenticatedLimits, type GateLimits } from './limits.ts'
import { feed, header, opened, prefixedHeader, show, tcp, webSocket } from './test-gate.ts'
import { stanzaCorpus } from './test-mutants.ts'
import { canonicalInfoset, consultOracle } from './test-oracle.ts'

describe('RFC 6120 §4 streams through the gate', () => {
  it('§4.7: reports the header with its attributes and namespaces', () => {
    const [event] = tcp().push(Buffer.from(header))
    assert.ok(event?.kind === 'open')
    assert.deepEqual(
      { to: event.to, from: event.from, version: event.version, lang: event.lang, id: event.id },
      { to: 'im.example', from: undefined, version: '1.0', lang: 'en', id: undefined },
    )
    assert.equal(event.defaultNamespace, 'jabber:client')
    assert.deepEqual({ ...event.prefixes }, { stream: 'http://etherx.jabber.org/streams' })
  })

  it('white space before the XML declaration passes: it may be from before the stream was restarted', () => {
    assert.deepEqual(feed(tcp(), ` \r\n${header}`), ['open to im.example'])
    assert.deepEqual(feed(tcp(), ` ${header}`, 1), ['open to im.example'])
  })

  it('reports a stanza with its name, namespace, attributes and payloads', () => {
    const stanza =
      "<message to='a&amp;b' id='1\t2'><body>x</body><c:active xmlns:c='urn:c'><d/></c:active><e xmlns='urn:e'/></message>"
    const [event] = opened().push(Buffer.from(stanza))
    assert.ok(event?.kind === 'element')
    const { name, namespace, attributes, payloads, raw } = event.element
    assert.deepEqual({ name, namespace }, { name: 'message', namespace: 'jabber:client' })
    assert.deepEqual({ ...attributes }, { to: 'a&b', id: '1 2' })
    assert.deepEqual(payloads, [
      { name: 'body', namespace: 'jabber:client' },
      { name: 'active', namespace: 'urn:c' },
      { name: 'e', namespace: 'urn:e' },
    ])
    assert.equal(raw.toString(), stanza)
  })

  it('takes attributes named like parts of every object as what they are', () => {
    const [event] = opened().push(Buffer.from("<iq __proto__='a' constructor='b'/>"))
    assert.ok(event?.kind === 'element')
    assert.equal(event.element.attributes['__proto__'], 'a')
    assert.equal(event.element.attributes['constructor'], 'b')
    assert.equal(event.element.attributes['toString'], undefined)
  })

  it('says the same at every split position of whole streams', () => {
    for (const stanza of stanzaCorpus) {
      const bytes = Buffer.from(`${header} ${stanza}\n${stanza}</stream:stream>`)
      const whole = feed(tcp(), bytes)
      assert.equal(whole.length, 4, stanza)
      for (let at = 1; at < bytes.length; at++) {
        const gate = tcp()
        const parts = [...feed(gate, bytes.subarray(0, at)), ...feed(gate, bytes.subarray(at))]
        assert.deepEqual(parts, whole)
      }
      assert.deepEqual(feed(tcp(), bytes, 1), whole)
    }
  })

  it('§4.6.1: white space between stanzas is held nowhere', () => {
    const gate = opened()
    for (let i = 0; i < 1000; i++) assert.deepEqual(gate.push(Buffer.from(' \r\n\t')), [])
    assert.equal(gate.isIdle, true)
    assert.equal(gate.pendingBytes, 0)
    gate.push(Buffer.from('\n<pre'))
    assert.equal(gate.pendingBytes, 4)
    assert.deepEqual(feed(gate, 'sence/>'), ['<presence/>'])
    assert.equal(gate.isIdle, true)
  })

  it('§4.4: reports the end of the stream, and refuses what follows it', () => {
    const gate = opened()
    assert.deepEqual(feed(gate, '</stream:stream>\n'), ['close'])
    assert.deepEqual(feed(gate, '<iq/>'), ['not-well-formed'])
  })

  it('reports nothing ever again after a fault', () => {
    const gate = opened()
    assert.deepEqual(feed(gate, '<presence/><iq></message><presence/>'), ['<presence/>', 'not-well-formed'])
    gate.reset()
    assert.deepEqual(feed(gate, header), [])
    assert.equal(gate.isIdle, true)
  })
})

describe('RFC 6120 §4.9.3 the stream errors the gate finds', () => {
  const inStream: readonly (readonly [string, string | Uint8Array, FaultCondition])[] = [
    ['§11.1 comment', '<!-- -->', 'restricted-xml'],
    ['§11.1 comment in a stanza', '<iq><!-- --></iq>', 'restricted-xml'],
    ['§11.1 processing instruction', '<iq><?x y?></iq>', 'restricted-xml'],
    ['§11.1 document type', '<!DOCTYPE x>', 'restricted-xml'],
    ['§11.1 entity', '<iq a="&bogus;"/>', 'restricted-xml'],
    ['second XML declaration', "<?xml version='1.0'?>", 'restricted-xml'],
    ['text between stanzas', 'x', 'bad-format'],
    ['CDATA between stanzas', '<![CDATA[x]]>', 'bad-format'],
    ['a header in the stream', header.slice(21), 'bad-format'],
    ['mismatched end tag', '<a><b></a>', 'not-well-formed'],
    ['end tag that ends no stream', '</stream>', 'not-well-formed'],
    ['unquoted attribute', '<a b=c>', 'not-well-formed'],
    ['attributes without space', "<a b=''c=''/>", 'not-well-formed'],
    ['attribute twice', "<a b='' b=''/>", 'not-well-formed'],
    ['attribute twice among many', `<a ${'abcdefghijklmnop'.replace(/./g, "$&='' ")}b=''/>`, 'not-well-formed'],
    ['expanded name twice', "<a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/>", 'not-well-formed'],
    ['§11.3 unbound prefix', '<a:b/>', 'not-well-formed'],
    ['unbound prefix of an attribute', "<a b:c=''/>", 'not-well-formed'],
    ['prefix bound to nothing', "<a xmlns:b=''/>", 'not-well-formed'],
    ['prefix bound to white space', "<a xmlns:b=' '/>", 'not-well-formed'],
    ['prefix xmlns', "<a xmlns:xmlns='u'/>", 'not-well-formed'],
    ['prefix xml bound elsewhere', "<a xmlns:xml='u'/>", 'not-well-formed'],
    ['xml namespace as default', "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", 'not-well-formed'],
    ['two colons', "<a xmlns:b='u'><b:c:d/></a>", 'not-well-formed'],
    ['name that is none beyond ASCII', '<a\u{d7}/>', 'not-well-formed'],
    ["']]>' in text", '<a>]]></a>', 'not-well-formed'],
    ["'<' in a value", "<a b='<'/>", 'not-well-formed'],
    ['control character', '<a>\u{1}</a>', 'not-well-formed'],
    ['control character by reference', '<a>&#1;</a>', 'not-well-formed'],
    ['control character in CDATA', '<a><![CDATA[\u{0}]]></a>', 'not-well-formed'],
    ['U+FFFF', '<a>\u{ffff}</a>', 'not-well-formed'],
    ['§11.6 not UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]), 'not-well-formed'],
    ['endless reference', `<a>&#${'0'.repeat(40)}65;</a>`, 'policy-violation'],
  ]
  for (const [name, bytes, condition] of inStream) {
    it(`${condition}: ${name}`, () => {
      assert.deepEqual(feed(opened(), bytes), [condition])
      assert.deepEqual(feed(opened(), bytes, 1), [condition])
    })
  }

  const atStart: readonly (readonly [string, string | Uint8Array, FaultCondition])[] = [
    ['another stream namespace', "<a:stream xmlns:a='urn:x'>", 'invalid-namespace'],
    [
      'another content namespace',
      "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='u'>",
      'invalid-namespace',
    ],
    ['a stanza first', '<presence/>', 'invalid-namespace'],
    ['no prefix', "<stream xmlns='http://etherx.jabber.org/streams'>", 'bad-namespace-prefix'],
    ['another name', "<s:a xmlns:s='http://etherx.jabber.org/streams'>", 'bad-format'],
    ['an HTTP request', 'GET / HTTP/1.1\r\n', 'bad-format'],
    ['UTF-16', Buffer.from([0xff, 0xfe, 0x3c, 0]), 'unsupported-encoding'],
    ['another encoding', "<?xml version='1.0' encoding='latin1'?>", 'unsupported-encoding'],
    ['a malformed declaration', "<?xml encoding='utf-8'?>", 'not-well-formed'],
    ['a declaration without end', `<?xml ${' '.repeat(300)}`, 'not-well-formed'],
    ['another processing instruction', '<?xml-stylesheet a?>', 'restricted-xml'],
    ['an end tag', '</stream:stream>', 'not-well-formed'],
  ]
  for (const [name, bytes, condition] of atStart) {
    it(`${condition} before the header: ${name}`, () => {
      assert.deepEqual(feed(tcp(), bytes).slice(0, 1), [condition])
      assert.deepEqual(feed(tcp(), bytes, 1), [condition])
    })
  }
})

describe('limits of the gate, each exact', () => {
  const cases: readonly (readonly [keyof GateLimits, number, string, string])[] = [
    ['maxStanzaBytes', 20, '<iq>01234567890</iq>', '<iq>012345678901</iq>'],
    ['maxDepth', 3, '<a><b><c/></b></a>', '<a><b><c><d/></c></b></a>'],
    ['maxAttributes', 2, "<a b='' c=''/>", "<a b='' c='' d=''/>"],
    ['maxChildren', 3, '<a><b><c/></b><d/></a>', '<a><b><c/></b><d/><e/></a>'],
    ['maxPayloads', 2, '<a><b/><c><e/></c></a>', '<a><b/><c/><d/></a>'],
    [
      'maxNamespaceDeclarations',
      2,
      "<a xmlns:b='u'><c xmlns='v'/></a>",
      "<a xmlns:b='u'><c xmlns='v'/><c xmlns='v'/></a>",
    ],
  ]
  for (const [limit, most, passes, fails] of cases) {
    for (const size of [1, 7, 1000]) {
      it(`${limit}, in chunks of ${size}`, () => {
        const gate = opened()
        gate.setLimits({ ...authenticatedLimits, [limit]: most })
        assert.deepEqual(feed(gate, passes, size), [passes])
        assert.deepEqual(feed(gate, fails, size), ['policy-violation'])
      })
    }
  }

  it('maxStanzaBytes: faults at the byte that is one too many, not at the end', () => {
    const gate = opened()
    gate.setLimits({ ...authenticatedLimits, maxStanzaBytes: 100 })
    assert.deepEqual(feed(gate, `<a>${'x'.repeat(96)}`, 1), [])
    assert.equal(gate.pendingBytes, 99)
    assert.deepEqual(feed(gate, 'x'), ['policy-violation'])
    assert.equal(gate.pendingBytes, 0)
  })

  it('takes 100,000 levels of depth for a policy violation, or all in its stride if it may', () => {
    const levels = 100_000
    const deep = '<a>'.repeat(levels) + '</a>'.repeat(levels)
    assert.deepEqual(feed(opened(), deep, 1000), ['policy-violation'])
    const limits = { maxDepth: levels, maxStanzaBytes: 10_000_000, maxChildren: levels }
    assert.deepEqual(feed(opened(limits), deep, 1000), [deep])
  })

  it('reads a stanza of 256 KiB that comes byte by byte, and a tag full of ">"', () => {
    const text = `<a b='${'>'.repeat(100_000)}'><c>${'<b/>'.repeat(1000)}</c>${'x'.repeat(100_000)}</a>`
    assert.deepEqual(feed(opened(), text, 1), [text])
  })

  it('does not keep a big chunk for the few bytes of it that begin a stanza', () => {
    const gate = opened()
    assert.equal(feed(gate, `${'<presence/>'.repeat(5000)}<pres`).length, 5000)
    assert.deepEqual(feed(gate, "ence a='1'/><iq/>"), ["<presence a='1'/>", '<iq/>'])
  })
})

describe('canonical bytes', () => {
  it('are the bytes of the chunk where nothing has to change', () => {
    const chunk = Buffer.from('<presence/><iq/>')
    const events = opened().push(chunk)
    for (const event of events) assert.equal(event.kind === 'element' && event.element.raw.buffer, chunk.buffer)
  })

  const cases: readonly (readonly [string, string, string])[] = [
    ["a root's own jabber:client goes", "<iq id='1' xmlns='jabber:client'><q/></iq>", "<iq id='1'><q/></iq>"],
    ['also where it is written otherwise', "<iq  xmlns = 'jabber&#58;client' id='1'/>", "<iq id='1'/>"],
    ['another namespace stays', "<r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'/>"],
    ['no namespace stays', "<r xmlns=''/>", "<r xmlns=''/>"],
    ["the header's prefix is declared", '<iq><f:a f:b="c"/></iq>', '<iq xmlns:f=\'urn:f\'><f:a f:b="c"/></iq>'],
    ["the header's prefix at the root", '<f:a/>', "<f:a xmlns:f='urn:f'/>"],
    ['a prefix of its own is left', "<iq xmlns:f='urn:g'><f:a/></iq>", "<iq xmlns:f='urn:g'><f:a/></iq>"],
    ['a prefix hidden by a child', "<iq><a xmlns:f='v'><f:b/></a></iq>", "<iq><a xmlns:f='v'><f:b/></a></iq>"],
  ]
  for (const [name, stanza, canonical] of cases) {
    it(name, () => {
      const gate = tcp()
      feed(gate, prefixedHeader)
      assert.deepEqual(feed(gate, stanza), [canonical])
      const [original] = consultOracle(Buffer.from(prefixedHeader + stanza)).elements
      assert.deepEqual(canonicalInfoset(Buffer.from(canonical)), original)
    })
  }

  it('name the namespace that a header without a default leaves out', () => {
    const gate = tcp()
    feed(gate, "<s:stream xmlns:s='http://etherx.jabber.org/streams'>")
    assert.deepEqual(feed(gate, "<a/><a xmlns='jabber:client'/>"), ["<a xmlns=''/>", '<a/>'])
  })

  it('say jabber:client for the content namespace of another kind of stream', () => {
    const gate = createGate({ framing: 'tcp', limits: authenticatedLimits, contentNamespace: 'jabber:server' })
    gate.push(Buffer.from("<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'>"))
    const [event] = gate.push(Buffer.from('<iq><a/></iq>'))
    assert.ok(event?.kind === 'element')
    assert.equal(event.element.namespace, 'jabber:client')
    assert.deepEqual(event.element.payloads, [{ name: 'a', namespace: 'jabber:client' }])
  })
})

describe('a new stream on the same connection', () => {
  it('§6.4.6: while stepping, what follows an event is read as the new stream after reset', () => {
    const gate = tcp()
    gate.setStepping(true)
    assert.deepEqual(feed(gate, `${header}<auth xmlns='a'/>${header}<iq/>`), ['open to im.example'])
    assert.deepEqual(gate.resume().map(show), ["<auth xmlns='a'/>"])
    gate.reset()
    assert.deepEqual(gate.resume().map(show), ['open to im.example'])
    gate.setStepping(false)
    assert.deepEqual(gate.resume().map(show), ['<iq/>'])
    assert.equal(gate.isIdle, true)
  })

  it('goes on while stepping when the rest of an element comes later', () => {
    const gate = tcp()
    gate.setStepping(true)
    feed(gate, header)
    assert.deepEqual(feed(gate, '<a/><b><c'), ['<a/>'])
    assert.deepEqual(feed(gate, '/></b><d/>'), ['<b><c/></b>'])
    assert.deepEqual(gate.resume().map(show), ['<d/>'])
    assert.deepEqual(gate.resume(), [])
  })

  it('§5.4.3.3: bytes sent in clear behind <starttls/> are seen', () => {
    const gate = tcp()
    gate.setStepping(true)
    feed(gate, header)
    feed(gate, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>")
    assert.equal(gate.pendingBytes, 5)
  })

  it('white space behind an element is not held while stepping', () => {
    const gate = tcp()
    gate.setStepping(true)
    feed(gate, header)
    feed(gate, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\r\n ")
    assert.equal(gate.isIdle, true)
  })

  it('takes plain byte arrays as well as Buffers', () => {
    const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
    const events = gate.push(new TextEncoder().encode(`${header}<iq to='é' xmlns='jabber:client'><a/></iq><r/`))
    const element = events[1]?.kind === 'element' ? events[1].element : undefined
    assert.equal(element?.attributes['to'], 'é')
    assert.equal(Buffer.from(element?.raw ?? []).toString(), "<iq to='é'><a/></iq>")
    assert.deepEqual(gate.push(new TextEncoder().encode('>')).map(show), ['<r/>'])
  })

  it('maxPendingBytes: too much sent ahead is a policy violation', () => {
    const gate = opened({ maxPendingBytes: 50 })
    gate.setStepping(true)
    assert.deepEqual(feed(gate, `<a/>${'<b/>'.repeat(13)}`), ['<a/>', 'policy-violation'])
  })

  it('is read again from the start of what was held when it was not stepping', () => {
    const gate = opened()
    assert.deepEqual(feed(gate, '<stream:stre'), [])
    gate.reset()
    assert.deepEqual(feed(gate, header.slice(21 + '<stream:stre'.length)), ['open to im.example'])
  })
})

describe('RFC 7395 §3.3 framing over WebSocket', () => {
  const open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='im.example' version='1.0'/>"
  const close = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"

  it('§3.4, §3.6: opens and closes the stream by elements, one a message', () => {
    const gate = webSocket()
    assert.deepEqual(feed(gate, open), ['open to im.example'])
    assert.deepEqual(feed(gate, "<iq xmlns='jabber:client' id='1'><q xmlns='u'/></iq>"), [
      "<iq id='1'><q xmlns='u'/></iq>",
    ])
    assert.deepEqual(feed(gate, "<iq id='1'/>"), ["<iq xmlns='' id='1'/>"])
    assert.deepEqual(feed(gate, open), ['open to im.example'])
    assert.equal(gate.isIdle, true)
    assert.deepEqual(feed(gate, close), ['close'])
  })

  const faults: readonly (readonly [string, string, FaultCondition])[] = [
    ['white space before', " <a xmlns='u'/>", 'bad-format'],
    ['two elements', '<a/><b/>', 'bad-format'],
    ['text behind', '<a/>b', 'bad-format'],
    ['a part of an element', '<a><b/>', 'not-well-formed'],
    ['an end tag', '</a>', 'not-well-formed'],
    ['white space only', ' ', 'bad-format'],
    ['a TCP header', header.slice(21), 'bad-format'],
  ]
  for (const [name, message, condition] of faults) {
    it(`§3.3.3: ${condition}: ${name}`, () => {
      const gate = webSocket()
      feed(gate, open)
      assert.equal(feed(gate, message).at(-1), condition)
      assert.deepEqual(feed(gate, open), [])
    })
  }

  it('an empty message is a fault, and another element before <open/> is', () => {
    assert.deepEqual(webSocket().push(Buffer.alloc(0)).map(show), ['bad-format'])
    assert.deepEqual(feed(webSocket(), '<iq/>'), ['invalid-namespace'])
  })
})
