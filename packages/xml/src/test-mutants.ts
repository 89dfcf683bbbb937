import { Buffer } from 'node:buffer'

/** A seeded source of numbers from 0 to below 1 (mulberry32). */
export type Random = () => number

/** Makes the same numbers for the same seed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const headers: readonly string[] = [
  "<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
  '<stream:stream xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client" xmlns:f="urn:f" xmlns:g="urn:g&amp;h" to="a">',
  "<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<s:stream xmlns:s='http://etherx.jabber.org/streams' xml:lang='en' version='1.0'>",
]

/** Stanzas and nonzas in the manner of the RFCs and XEPs, with the corners of XML in them. */
export const stanzaCorpus: readonly string[] = [
  "<message from='juliet@im.example.com/balcony' to='romeo@example.net' type='chat' xml:lang='en'><body>My ears have not yet drunk a hundred words</body></message>",
  '<presence/>',
  '<presence to=\'a@b/c\' type="unavailable" ><show>xa</show><priority>-1</priority></presence>',
  "<iq type='get' id='rs1&lt;&#x41;&#10;'><query xmlns='jabber:iq:roster' ver='&quot;1&apos;'/></iq>",
  "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bal]]cony</resource></bind></iq>",
  "<r xmlns='urn:xmpp:sm:3'/>",
  "<a xmlns='urn:xmpp:sm:3' h='5'/>",
  "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQ=</auth>",
  "<message to='x'><body>caf\u{e9} \u{1f600} \u{4e2d}\u{6587}\u{ff0c}</body><subject>a\r\nb\tc</subject></message>",
  "<message\n to='x'\r\n\tid = 'q' ><body><![CDATA[<b>&amp; ]] > ]]]]><![CDATA[>]]></body></message>",
  "<message to='a'><x:data xmlns:x='jabber:x:data' x:type='form' type='y'><x:field/><field xmlns='u'/></x:data></message>",
  "<c:message xmlns:c='jabber:client' xmlns='urn:other' c:a='1' a='2'><c:body>t</c:body><other/></c:message>",
  "<message><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2010'/><message xmlns='jabber:client' from='a'><body>in</body></message></forwarded></message>",
  "<message><\u{e9}l\u{e9}ment xmlns='u' \u{4e2d}='1'/><body xml:lang='de'>x</body><body xmlns=''>y</body></message>",
  "<iq type='result'><p:q xmlns:p='a' xmlns:q='b' p:z='1' q:z='2'><p:r xmlns:p='c' p:z='3'/></p:q></iq>",
  "<message to='a\tb\nc\r\nd\re'><body>&amp;&#38;&#x26;amp; > \"quoted\" 'text' ]]&gt;</body></message>",
]

const snippets: readonly string[] = [
  '<',
  '>',
  '&',
  "'",
  '"',
  '/',
  '=',
  ' ',
  '\n',
  '\r',
  '\t',
  ':',
  ';',
  ']',
  ']]>',
  '<![CDATA[',
  '<!--',
  '-->',
  '<!DOCTYPE x>',
  '<?x?>',
  '<?xml version="1.0"?>',
  '&lt;',
  '&amp;',
  '&#0;',
  '&#x1F600;',
  '&#xD800;',
  '&#xFFFF;',
  '&#9;',
  '&bogus;',
  '&;',
  '&#;',
  " xmlns:a='u'",
  " xmlns='u'",
  " xmlns=''",
  " xmlns:a=''",
  " xmlns:xml='u'",
  " xmlns:xmlns='u'",
  " xmlns='jabber:client'",
  " xmlns:p='http://www.w3.org/XML/1998/namespace'",
  " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
  " xml:lang='en'",
  " xmlns='http://www.w3.org/2000/xmlns/'",
  'a:',
  'f:',
  'g:',
  'xml:',
  'xmlns:',
  " a='1'",
  " a='1' a='2'",
  " f:a='1'",
  '<f:a/>',
  '<a>',
  '</a>',
  '<a/>',
  '</message>',
  '</stream:stream>',
  '<x',
  '/>',
  '\u{0}',
  '\u{1}',
  '\u{7f}',
  '\u{85}',
  '\u{d7}',
  '\u{e9}',
  '\u{fffd}',
  '\u{ffff}',
  '\u{1f600}',
  '\u{b7}',
  '.',
  '-',
  '1',
  '_',
  " xmlns:f='v'",
  " xmlns:stream='w'",
]

const badBytes: readonly (readonly number[])[] = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0x80],
  [0xe4, 0xb8],
  [0xf5, 0x80, 0x80, 0x80],
  [0xef, 0xbf, 0xbe],
]

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)] as Value
}

/** Builds a stream of some stanzas and spoils its middle in a few places, or (one in eight) leaves it whole; one header in ten. */
export function createMutant(random: Random): Buffer {
  let header = Buffer.from(pick(random, headers))
  if (random() < 0.1) header = spoil(random, header)
  let middle = Buffer.from(
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, stanzaCorpus)).join(
      pick(random, ['', '\n', ' ']),
    ),
  )
  const spoils = random() < 0.125 ? 0 : 1 + Math.floor(random() * 3)
  for (let i = 0; i < spoils; i++) middle = spoil(random, middle)
  const name = header.includes('<s:') ? 's' : 'stream'
  return Buffer.concat([header, middle, Buffer.from(`<r xmlns='urn:xmpp:sm:3'/></${name}:stream>`)])
}

function spoil(random: Random, bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const at = Math.floor(random() * (bytes.length + 1))
  const insert = (piece: Uint8Array) => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  const kind = random()
  if (kind < 0.45) return insert(Buffer.from(pick(random, snippets)))
  if (kind < 0.5) return insert(Buffer.from(pick(random, badBytes)))
  const to = Math.min(bytes.length, at + 1 + Math.floor(random() * 6))
  if (kind < 0.7) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
  if (kind < 0.8) return insert(bytes.subarray(at, to))
  const changed = Buffer.from(bytes)
  if (changed.length > 0)
    changed[Math.min(at, changed.length - 1)] = kind < 0.9 ? Math.floor(random() * 128) : Math.floor(random() * 256)
  return changed
}
