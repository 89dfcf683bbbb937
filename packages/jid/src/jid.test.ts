import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  bareJid,
  bareOf,
  domainpartOf,
  enforceOpaqueString,
  fullJid,
  isBare,
  isFull,
  localpartOf,
  MAX_PART_BYTES,
  normalizeDomainpart,
  normalizeLocalpart,
  normalizeResourcepart,
  parseJid,
  resourcepartOf,
} from './jid.ts'

function normal(text: string): string | undefined {
  const result = parseJid(text)
  if (!result.ok) assert.equal(result.error.condition, 'jid-malformed')
  return result.ok ? result.value : undefined
}

// Strings that come near the rules: letters of many scripts, joiners, marks, delimiters, spaces, halves of surrogates.
const awkward = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'aZ09.-@/_ ßΣςσİıéﬁＡ．＠／。Ⅳ♚l·٣۳אبया্्‌‍゙́ｶ가ᄀ\u{a0}\u{ad}\u{feff}\t\0%[]:#😀𐐀\u{10d30}'),
    fc.constantFrom('\ud800', 'xn--', 'xn--bcher-kva', '[::1]', '1.2.3.4', 'क्‍ष'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
})
const address = fc
  .tuple(fc.option(awkward), fc.oneof(awkward, fc.constant('example.com')), fc.option(awkward))
  .map(
    ([local, domain, resource]) =>
      `${local === null ? '' : `${local}@`}${domain}${resource === null ? '' : `/${resource}`}`,
  )

describe('RFC 7622 §3.5 examples', () => {
  // Table 1; the normal form where it is another string
  const valid: readonly (readonly [string, string?])[] = [
    ['juliet@example.com'],
    ['juliet@example.com/foo'],
    ['juliet@example.com/foo bar'],
    ['juliet@example.com/foo@bar'],
    ['foo\\20bar@example.com'],
    ['fussball@example.com'],
    ['fu\u{df}ball@example.com'],
    ['\u{3c0}@example.com'],
    ['\u{3a3}@example.com/foo', '\u{3c3}@example.com/foo'],
    ['\u{3c3}@example.com/foo'],
    ['\u{3c2}@example.com/foo'],
    ['king@example.com/\u{265a}'],
    ['example.com'],
    ['example.com/foobar'],
    ['a.example.com/b@example.net'],
    ['juliet@example.com/ foo'], // listed as invalid, corrected by erratum 4560: OpaqueString allows it
  ]
  for (const [text, form] of valid) {
    it(`table 1: ${text} is an address`, () => assert.equal(normal(text), form ?? text))
  }

  const invalid = [
    '"juliet"@example.com',
    'foo bar@example.com',
    '@example.com/',
    'henry\u{2163}@example.com',
    '\u{265a}@example.com',
    'juliet@',
    '/foobar',
  ]
  for (const text of invalid) {
    it(`table 2: ${text} is none`, () => assert.equal(normal(text), undefined))
  }
})

describe('RFC 7622 §3.1 parts and their limits', () => {
  it('a part of 1023 bytes is allowed, one of 1024 is not, and bytes are counted, not characters', () => {
    for (const [fits, tooLong] of [
      ['a'.repeat(MAX_PART_BYTES), 'a'.repeat(MAX_PART_BYTES + 1)],
      ['é'.repeat(511), 'é'.repeat(512)],
    ] as const) {
      assert.ok(normalizeLocalpart(fits).ok)
      assert.ok(!normalizeLocalpart(tooLong).ok)
      assert.ok(normalizeResourcepart(fits).ok)
      assert.ok(!normalizeResourcepart(tooLong).ok)
      assert.notEqual(normal(`${fits}@example.com/${fits}`), undefined)
      assert.equal(normal(`${fits}@example.com/${tooLong}`), undefined)
      assert.equal(normal(`${tooLong}@example.com/${fits}`), undefined)
    }
    assert.ok(normalizeDomainpart(`${'a.'.repeat(511)}a`).ok)
    assert.ok(!normalizeDomainpart('a.'.repeat(512)).ok)
  })

  it('no part may be empty', () => {
    for (const text of ['', '@', '/', '@example.com', 'example.com/', 'a@/b', 'a@.', '.']) {
      assert.equal(normal(text), undefined, text)
    }
  })

  it('§3.2: the first slash ends the domainpart, the first @ before it begins it', () => {
    assert.equal(normal('a@b/c/d@e/'), 'a@b/c/d@e/')
    assert.equal(normal('a@b@c'), undefined)
  })
})

describe('RFC 7622 §3.2 domainpart', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com..', undefined],
    ['a..b', undefined],
    ['-a.com', undefined],
    ['a-.com', undefined],
    ['a_b.com', undefined],
    ['a b', undefined],
    ['a%20b', undefined],
    ['127.0.0.1', '127.0.0.1'],
    ['1', '1'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::A]', '[2001:db8::a]'],
    ['[fe80::1%eth0]', undefined],
    ['[::g]', undefined],
    ['[::1', undefined],
    ['::1', undefined],
    ['b\u{fc}cher.example', 'b\u{fc}cher.example'],
    ['B\u{dc}CHER.example', 'b\u{fc}cher.example'],
    ['xn--bcher-kva.example', 'b\u{fc}cher.example'],
    ['XN--Bcher-KVA.example', 'b\u{fc}cher.example'],
    ['xn--a', undefined],
    ['xn--', undefined],
    ['fa\u{df}.example', 'fa\u{df}.example'],
    ['\u{ff41}\u{3002}example', 'a.example'],
    ['a\u{ff0f}b.example', undefined],
    ['\u{2603}.net', undefined],
    ['xn--n3h.net', undefined],
    ['l\u{b7}l.example', 'l\u{b7}l.example'],
    ['a\u{b7}b.example', undefined],
    ['\u{5d0}1.example', '\u{5d0}1.example'],
    ['1\u{5d0}.example', undefined],
    ['\u{301}a.example', undefined],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
    [`${'a'.repeat(64)}.example`, undefined],
    [`${'\u{fc}'.repeat(64)}.example`, undefined],
  ]
  for (const [text, form] of cases) {
    it(`${JSON.stringify(text)} is ${form === undefined ? 'refused' : form}`, () =>
      assert.equal(normal(`a@${text}`), form && `a@${form}`))
  }
})

describe('RFC 7622 §3.3 localpart (RFC 8265 §3.3 UsernameCaseMapped)', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['juliet', 'juliet'], // RFC 8265 §3.5 example 1
    ['Juliet', 'juliet'],
    ['Fu\u{df}ball', 'fu\u{df}ball'], // example 4
    ['\u{3a3}', '\u{3c3}'], // examples 6 and 7
    ['\u{130}', 'i\u{307}'],
    ['\u{391}\u{3a3}', '\u{3b1}\u{3c2}'],
    ['\u{ff2a}\u{ff55}', 'ju'],
    ['\u{ff76}\u{ff9e}', '\u{30ac}'],
    ['e\u{301}', '\u{e9}'],
    ['foo\u{ff20}bar', undefined],
    ['\u{fb01}', undefined],
    ['a\u{ad}b', undefined],
    ['\u{1100}\u{1161}', undefined],
    ['a\u{3000}b', undefined],
    ['\u{10ffff}', undefined],
    ['\u{378}', undefined],
    ['\u{5d0}1', '\u{5d0}1'], // RFC 8265 §3.3.2 step 5: the Bidi Rule
    ['1\u{5d0}', undefined],
    ['L\u{b7}l', 'l\u{b7}l'], // RFC 5892 A.3, after case mapping
    ['a\u{b7}b', undefined],
    ['a\ud800', undefined],
  ]
  for (const [text, form] of cases) {
    it(`${JSON.stringify(text)} is ${form === undefined ? 'refused' : form}`, () => {
      const result = normalizeLocalpart(text)
      assert.equal(result.ok ? result.value : undefined, form)
    })
  }

  it('§3.3.1: none of the excluded characters, also not by way of mapping', () => {
    for (const char of '"&\'/:<>@\u{ff02}\u{ff06}\u{ff07}\u{ff0f}\u{ff1a}\u{ff1c}\u{ff1e}\u{ff20}') {
      assert.equal(normalizeLocalpart(`a${char}b`).ok, false, char)
    }
    const others = '!#$%()*+,-.0123456789;=?[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
    assert.equal(normal(`${others}@x`), `${others}@x`)
  })
})

describe('RFC 7622 §3.4 resourcepart (RFC 8265 §4.2 OpaqueString)', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['correct horse battery staple', 'correct horse battery staple'], // RFC 8265 §4.3 example 1
    ['Correct Horse Battery Staple', 'Correct Horse Battery Staple'], // example 2
    ['\u{3c0}\u{df}\u{e5}', '\u{3c0}\u{df}\u{e5}'], // example 3
    ['Jack of \u{2666}s', 'Jack of \u{2666}s'], // example 4
    ['foo\u{1680}bar', 'foo bar'], // example 5
    ['', undefined], // example 6
    ['my cat is a \u{9}by', undefined], // example 7
    ['\u{ff2a}', '\u{ff2a}'],
    ['e\u{301}', '\u{e9}'],
    ['a\u{200b}b', undefined],
    ['a\u{fffe}', undefined],
    ['l\u{b7}l', 'l\u{b7}l'],
    ['a\u{b7}b', undefined],
  ]
  for (const [text, form] of cases) {
    it(`${JSON.stringify(text)} is ${form === undefined ? 'refused' : JSON.stringify(form)}`, () => {
      assert.equal(enforceOpaqueString(text), form)
      const result = normalizeResourcepart(text)
      assert.equal(result.ok ? result.value : undefined, form)
    })
  }
})

describe('RFC 7622 §3 normal forms', () => {
  it('a long hostile part is judged without backtracking', () => {
    for (const unit of [
      'a',
      '1',
      'ß',
      '-',
      'a.',
      'a-',
      'a\u{301}',
      '\u{5d0}',
      '\u{5d0}\u{5b0}',
      '\u{628}\u{200c}',
      'l\u{b7}',
      '\u{30fb}',
      '\u{661}',
    ]) {
      const many = unit.repeat(Math.floor(MAX_PART_BYTES / Buffer.byteLength(unit)) - 2)
      for (const text of [`${many}\t`, `${many}-`, `${many}\u{ad}`]) {
        normalizeLocalpart(text)
        assert.equal(normalizeDomainpart(text).ok, false)
        parseJid(`${text}@${text}/${text}`)
        parseJid(`example.com/${text}`)
      }
    }
  })

  it('nothing throws, and what was normalised is its own normal form', () => {
    fc.assert(
      fc.property(address, (text) => {
        const form = normal(text)
        if (form !== undefined) assert.equal(normal(form), form)
      }),
      { numRuns: 3000 },
    )
  })

  it('each part alone gives what it gives inside an address', () => {
    fc.assert(
      fc.property(awkward, (text) => {
        const resource = normalizeResourcepart(text)
        assert.equal(normal(`example.com/${text}`), resource.ok ? `example.com/${resource.value}` : undefined)
        if (text.includes('@') || text.includes('/')) return
        const local = normalizeLocalpart(text)
        assert.equal(normal(`${text}@example.com`), local.ok ? `${local.value}@example.com` : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('the fast way for plain ASCII agrees with the rules part by part', () => {
    const plain = fc.string({ unit: fc.constantFrom(...'ab9.-x!~\\" @/:_n'), maxLength: 8 })
    fc.assert(
      fc.property(plain, plain, plain, (local, domain, resource) => {
        const parts = [normalizeLocalpart(local), normalizeDomainpart(domain), normalizeResourcepart(resource)] as const
        if (/[@/]/.test(local + domain)) return
        const all = parts[0].ok && parts[1].ok && parts[2].ok
        const expected = all ? fullJid(bareJid(parts[0].value, parts[1].value), parts[2].value) : undefined
        assert.equal(normal(`${local}@${domain}/${resource}`), expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('taken apart and joined, an address is itself', () => {
    fc.assert(
      fc.property(address, (text) => {
        const result = parseJid(text)
        if (!result.ok) return
        const jid = result.value
        const bare = bareJid(localpartOf(jid), domainpartOf(jid))
        assert.equal(bareOf(jid), bare)
        assert.ok(isBare(bare) && !isFull(bare))
        assert.equal(isFull(jid), resourcepartOf(jid) !== '')
        assert.equal(isFull(jid) ? fullJid(bare, resourcepartOf(jid)) : bare, jid)
      }),
      { numRuns: 2000 },
    )
  })

  it('an @ in a resourcepart is no part of the localpart', () => {
    const jid = fullJid(bareJid('', 'example.com'), 'a@b/c')
    assert.deepEqual([localpartOf(jid), domainpartOf(jid), resourcepartOf(jid)], ['', 'example.com', 'a@b/c'])
  })
})
