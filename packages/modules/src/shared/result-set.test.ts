import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { elementOfText, sameXml } from '../testing/markup.ts'
import { pageElement, readPageRequest } from './result-set.ts'

const read = (inner: string) => readPageRequest(elementOfText(`<query xmlns='urn:x'>${inner}</query>`))
const set = (inner: string) => `<set xmlns='http://jabber.org/protocol/rsm'>${inner}</set>`

describe('XEP-0059 Result Set Management', () => {
  for (const [clause, inner, page] of [
    ['no <set/> asks for nothing special', '', {}],
    ['§2.1: max', set('<max> 10 </max>'), { max: 10 }],
    ['§2.2: after', set('<max>1</max><after>a</after>'), { max: 1, after: 'a' }],
    ['§2.2: an empty after is before the first item', set('<after/>'), {}],
    ['§2.3: before', set('<before>b</before>'), { before: 'b' }],
    ['§2.5: an empty before asks for the last page', set('<before/>'), { before: '' }],
  ] as const) {
    it(clause, () => assert.deepEqual(read(inner), { ok: true, value: page }))
  }

  for (const max of ['', 'ten', '-1', '1.5', '1e3', '9999999999']) {
    it(`§2.1: max "${max}" is a bad request`, () => {
      const page = read(set(`<max>${max}</max>`))
      assert.equal(!page.ok && page.error.condition, 'bad-request')
    })
  }

  it('§2.2: first and last of a page, neither of an empty one', () => {
    sameXml(pageElement('a', 'b'), set('<first>a</first><last>b</last>'))
    sameXml(pageElement(undefined, undefined), set(''))
  })
})
