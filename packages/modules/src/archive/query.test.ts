import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { juliet } from '../testing/contexts.ts'
import { elementOfText } from '../testing/markup.ts'
import { maxQueryIdCharacters, readQuery } from './query.ts'

const limits = { pageDefault: 50, pageMax: 250 }
const mam = 'urn:xmpp:mam:2'
const field = (name: string, ...values: string[]) =>
  `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`
const form = (fields: string, type = 'submit', formType = field('FORM_TYPE', mam)) =>
  `<x xmlns='jabber:x:data' type='${type}'>${formType}${fields}</x>`
const rsm = (inner: string) => `<set xmlns='http://jabber.org/protocol/rsm'>${inner}</set>`
const read = (inner: string, attributes = '') =>
  readQuery(elementOfText(`<query xmlns='${mam}'${attributes}>${inner}</query>`), juliet, limits)
function search(inner: string): object {
  const query = read(inner)
  assert.ok(query.ok, query.ok ? '' : query.error.text)
  const { owner, direction, limit, ...filter } = query.value.search
  assert.deepEqual([owner, direction, limit], [juliet, 'first', 50])
  return filter
}

describe('XEP-0313 §4.1: filters', () => {
  it('§4.1: nothing filters nothing', () => assert.deepEqual(search(''), {}))

  it('§4.1.1: with a bare JID, with a full one', () => {
    assert.deepEqual(search(form(field('with', 'Romeo@montague.lit'))), { with: 'romeo@montague.lit' })
    assert.deepEqual(search(form(field('with', 'romeo@montague.lit/O'))), {
      with: 'romeo@montague.lit',
      withFull: 'romeo@montague.lit/O',
    })
  })

  it('§4.1.2: start and end', () => {
    assert.deepEqual(
      search(form(field('start', '2010-06-07T00:00:00Z') + field('end', '2010-07-07T13:23:54.5+01:00'))),
      {
        startMs: Date.UTC(2010, 5, 7),
        endMs: Date.UTC(2010, 6, 7, 12, 23, 54, 500),
      },
    )
  })

  it('§4.1.4: include-groupchat is understood and changes nothing', () => {
    for (const value of ['true', 'false', '1', '0'])
      assert.deepEqual(search(form(field('include-groupchat', value))), {})
  })

  it('a field without a value says nothing', () => {
    const empty = ['with', 'start', 'end', 'before-id', 'after-id', 'include-groupchat']
    assert.deepEqual(search(form(empty.map((name) => field(name, '')).join('') + field('ids'))), {})
  })

  const refused: readonly (readonly [clause: string, inner: string, condition: string])[] = [
    ['§4.1: no FORM_TYPE', form('', 'submit', ''), 'bad-request'],
    ['§4.1: another FORM_TYPE', form('', 'submit', field('FORM_TYPE', 'urn:xmpp:mam:1')), 'bad-request'],
    ['XEP-0004 §3.1: a form that is not submitted', form('', 'form'), 'bad-request'],
    ['§4.1.5: an unknown field', form(field('{http://example.com/}free-text-search', 'x')), 'feature-not-implemented'],
    ['XEP-0004 §3.2: a field twice', form(field('with', 'a@b') + field('with', 'a@b')), 'bad-request'],
    ['XEP-0004 §3.2: two values', form(field('with', 'a@b', 'c@d')), 'bad-request'],
    ['XEP-0004 §3.2: no name', form('<field><value>x</value></field>'), 'bad-request'],
    ['§4.1.1: no JID', form(field('with', '@/')), 'jid-malformed'],
    ['§4.1.2: no time', form(field('start', 'yesterday')), 'bad-request'],
    ['§4.1.2: no such time', form(field('end', '2010-13-07T00:00:00Z')), 'bad-request'],
    ['§4.1.4: no boolean', form(field('include-groupchat', 'maybe')), 'bad-request'],
    ['XEP-0059: max is no number', rsm('<max>-1</max>'), 'bad-request'],
    ['XEP-0059 §2.6: a page by index', rsm('<max>1</max><index>5</index>'), 'feature-not-implemented'],
  ]
  for (const [clause, inner, condition] of refused) {
    it(`${clause}: ${condition}`, () => {
      const query = read(inner)
      assert.equal(!query.ok && query.error.condition, condition)
    })
  }

  it('§6.1.3: an account has no nodes', () => {
    const query = read('', " node='fdp'")
    assert.equal(!query.ok && query.error.condition, 'item-not-found')
  })

  it('limit: a queryid that would come back with every message of a page is short', () => {
    assert.ok(read('', ` queryid='${'x'.repeat(maxQueryIdCharacters)}'`).ok)
    const query = read('', ` queryid='${'x'.repeat(maxQueryIdCharacters + 1)}'`)
    assert.equal(!query.ok && query.error.condition, 'policy-violation')
  })

  it('whatever the fields hold, a query or an error', () => {
    const names = ['with', 'start', 'end', 'before-id', 'after-id', 'ids', 'include-groupchat', 'FORM_TYPE', 'x']
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom(...names), fc.array(fc.stringMatching(/^[\w@/:.+-]{0,12}$/), { maxLength: 3 })),
        ),
        fc.stringMatching(/^[\w-]{0,5}$/),
        (some, max) => {
          const inner = form(some.map(([name, values]) => field(name, ...values)).join('')) + rsm(`<max>${max}</max>`)
          const query = read(inner)
          if (query.ok) assert.ok(query.value.search.limit <= limits.pageMax)
          else assert.ok(query.error.condition.length > 0)
        },
      ),
    )
  })
})
