import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Found, maxPendingBytes, Scanner } from './scanner.ts'

/** Feeds chunks and writes down what was found. */
function scan(chunks: readonly Buffer[]): readonly string[] {
  const seen: string[] = []
  const scanner = new Scanner({
    onHeader: (text) => void seen.push(`header ${text}`),
    onEnd: () => void seen.push('end'),
    onFault: (text) => void seen.push(`fault ${text}`),
    onStanza: ({ bytes, start, end, tagEnd, textAt }: Found) => {
      const text = textAt < 0 ? '' : bytes.toString('utf8', textAt, bytes.indexOf('<', textAt))
      seen.push(`${bytes.toString('utf8', start, end)} | ${bytes.toString('utf8', start, tagEnd)} | ${text}`)
    },
  })
  for (const chunk of chunks) scanner.push(Buffer.from(chunk))
  return seen
}

const header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1>2' version='1.0'>"
const message = "<message from='a@b/c' id=\"x\"><body>~abcd0000000007 hällo</body><x xmlns='y'/></message>"
const carbon = "<message><sent xmlns='urn:xmpp:carbons:2'><message><body>copy</body></message></sent></message>"
const text = `${header} <iq type='result'/>${message}\n<r xmlns='urn:xmpp:sm:3'/>${carbon}<presence><status>s</status></presence></stream:stream>`

const expected = [
  `header ${header.slice(header.indexOf('<stream'))}`,
  "<iq type='result'/> | <iq type='result'/> | ",
  `${message} | <message from='a@b/c' id="x"> | ~abcd0000000007 hällo`,
  "<r xmlns='urn:xmpp:sm:3'/> | <r xmlns='urn:xmpp:sm:3'/> | ",
  `${carbon} | <message> | `,
  '<presence><status>s</status></presence> | <presence> | s',
  'end',
]

describe('the scanner of what a server sends', () => {
  it('finds header, stanzas, nonzas and the end; a body counts as a direct child only', () => {
    assert.deepEqual(scan([Buffer.from(text)]), expected)
  })

  it('finds the same at every split position', () => {
    const bytes = Buffer.from(text)
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(scan([bytes.subarray(0, at), bytes.subarray(at)]), expected, `split at ${at}`)
    }
  })

  it('finds the same however it is cut', () => {
    const bytes = Buffer.from(text)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (lengths) => {
        const chunks: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = lengths[i % lengths.length] ?? 1
          chunks.push(bytes.subarray(at, at + length))
          at += length
        }
        assert.deepEqual(scan(chunks), expected)
      }),
    )
  })

  it('a > within quotes ends no tag, and a quote of the other kind no value', () => {
    const found = scan([Buffer.from(`<iq a='>"' b="/>'"><x/></iq>`)])
    assert.deepEqual(found, [`<iq a='>"' b="/>'"><x/></iq> | <iq a='>"' b="/>'"> | `])
  })

  it('RFC 6120 §11.1: a comment is a fault, told once', () => {
    assert.deepEqual(scan([Buffer.from('<!-- x -->'), Buffer.from('<iq/>')]), [
      'fault the server sent a comment, a doctype or CDATA',
    ])
  })

  it('a stanza that does not end is a fault once it is too long', () => {
    const found = scan([Buffer.from('<message><body>'), Buffer.alloc(maxPendingBytes, 'a')])
    assert.deepEqual(found, [`fault a stanza is longer than ${maxPendingBytes} bytes`])
  })

  it('what is pending does not live in the memory it was read into', () => {
    const shared = Buffer.from('<iq><a/>')
    const seen: string[] = []
    const scanner = new Scanner({
      onHeader: () => {},
      onEnd: () => {},
      onFault: () => {},
      onStanza: ({ bytes, start, end }) => void seen.push(bytes.toString('utf8', start, end)),
    })
    scanner.push(shared)
    shared.fill('x')
    scanner.push(Buffer.from('</iq>'))
    assert.deepEqual(seen, ['<iq><a/></iq>'])
  })
})
