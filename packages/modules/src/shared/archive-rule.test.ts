import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { juliet } from '../testing/contexts.ts'
import { stanzaOfText } from '../testing/markup.ts'
import { isArchived, readPreferences } from './archive-rule.ts'

const body = '<body>hi</body>'
const hint = (name: string) => `<${name} xmlns='urn:xmpp:hints'/>`
const from = (inner: string, type = 'chat', sender = 'romeo@montague.example/o') =>
  stanzaOfText(`<message from='${sender}' to='juliet@capulet.example' type='${type}'>${inner}</message>`)
const to = (inner: string, receiver: string) =>
  stanzaOfText(`<message from='juliet@capulet.example/b' to='${receiver}' type='chat'>${inner}</message>`)

describe('XEP-0313 §6.1.1, XEP-0334 §4, XEP-0441: what is archived', () => {
  const table: readonly (readonly [string, ReturnType<typeof from>, boolean])[] = [
    ['§6.1.1: chat with a body', from(body), true],
    ['§6.1.1: normal with a body', from(body, 'normal'), true],
    ['§6.1.1: nothing without a body', from("<active xmlns='http://jabber.org/protocol/chatstates'/>"), false],
    ['§6.1.1: no headline', from(body, 'headline'), false],
    ['§6.1.1: no groupchat, store hint or not', from(body + hint('store'), 'groupchat'), false],
    ['XEP-0334 §4.4: no error, store hint or not', from(body + hint('store'), 'error'), false],
    ['XEP-0334 §4.4: what is worth storing, without a body', from(hint('store')), true],
    ['XEP-0334 §4.1: not with no-permanent-store', from(body + hint('no-permanent-store')), false],
    ['XEP-0334 §4.2: not with no-store, which wins over store', from(body + hint('no-store') + hint('store')), false],
    ['only messages', { ...from(body), kind: 'presence' }, false],
  ]
  for (const [clause, stanza, expected] of table) {
    it(clause, () => assert.equal(isArchived(stanza, juliet, false, null), expected))
  }

  it('§6.1.1: a message to oneself once, as received', () => {
    const self = to(body, 'juliet@capulet.example/c')
    assert.equal(isArchived(self, juliet, false, null), true)
    assert.equal(isArchived(self, juliet, true, null), false)
  })

  it('XEP-0441 §2.1: the lists come before the default, never before always', () => {
    const archived = (preferences: object) => isArchived(from(body), juliet, false, preferences as never)
    const jid = 'romeo@montague.example'
    assert.equal(archived({ default: 'never' }), false)
    assert.equal(archived({ default: 'never', always: [jid] }), true)
    assert.equal(archived({ default: 'always', never: [jid] }), false)
    assert.equal(archived({ default: 'always', always: [jid], never: [jid] }), false)
    assert.equal(archived({ default: 'always', never: ['paris@capulet.example'] }), true)
  })

  it('XEP-0441 §2.3.1: a listed full JID is that resource alone, a bare one all of them', () => {
    const archived = (listed: string) => isArchived(from(body), juliet, false, { never: [listed] })
    assert.equal(archived('romeo@montague.example/o'), false)
    assert.equal(archived('romeo@montague.example'), false)
    assert.equal(archived('romeo@montague.example/other'), true)
  })

  it('XEP-0441 §2.3.2: for what was sent, the receiver counts', () => {
    const preferences = { never: ['romeo@montague.example'] }
    assert.equal(isArchived(to(body, 'romeo@montague.example/o'), juliet, true, preferences), false)
    assert.equal(isArchived(to(body, 'paris@capulet.example'), juliet, true, preferences), true)
  })

  it('whatever the slice holds, it reads as preferences', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const read = readPreferences(json as never)
        assert.ok(read.default === 'always' || read.default === 'never')
        assert.ok([...read.always, ...read.never].every((jid) => typeof jid === 'string'))
      }),
    )
  })
})
