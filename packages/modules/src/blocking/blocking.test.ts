import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Effect, IqAnswer } from '@starling/core'
import { romeo, session, sessionContext } from '../testing/contexts.ts'
import { askSession } from '../testing/drive.ts'
import { sameHeader, sameXml } from '../testing/markup.ts'
import { blocking } from './blocking.ts'

const listening = { slice: { isListening: true } }
const sessions = [
  session('juliet@capulet.example/chamber', listening),
  session('juliet@capulet.example/balcony', { ...listening, isAvailable: false }),
  session('juliet@capulet.example/garden', { slice: { isListening: false } }),
]
const iq = (inner: string) => `<iq from='juliet@capulet.example/chamber' type='set' id='block1'>${inner}</iq>`
const items = (name: string, ...jids: string[]) =>
  `<${name} xmlns='urn:xmpp:blocking'>${jids.map((jid) => `<item jid='${jid}'/>`).join('')}</${name}>`
const ask = (name: 'block' | 'unblock', inner: string, blocked: readonly string[] = [], given = {}) =>
  askSession(
    blocking,
    `set self {urn:xmpp:blocking}${name}`,
    iq(inner),
    sessionContext(blocking, { sessions, accountSlice: blocked }, given),
  )
function effectsOf(answer: IqAnswer): readonly Effect[] {
  assert.ok(answer.ok)
  return answer.effects ?? []
}
const deeds = (effects: readonly Effect[]) =>
  effects.map((effect) => (effect.do === 'deliver' ? `push ${effect.resource}` : effect))
const error = (answer: IqAnswer) => !answer.ok && answer.error.condition

describe('XEP-0191 Blocking Command', () => {
  const get = "<iq type='get' id='blocklist1'><blocklist xmlns='urn:xmpp:blocking'/></iq>"
  it('§3.2: the list, and who asks for it hears of changes', () => {
    const own = session('juliet@capulet.example/chamber')
    const context = sessionContext(blocking, { own, accountSlice: [romeo, 'iago@shakespeare.lit'] })
    const answer = askSession(blocking, 'get self {urn:xmpp:blocking}blocklist', get, context)
    assert.ok(answer.ok)
    sameXml(answer.payload, items('blocklist', romeo, 'iago@shakespeare.lit'))
    assert.deepEqual(answer.effects, [{ do: 'remember', slice: { isListening: true } }])
  })

  it('§3.2: an empty list where nobody is blocked', () => {
    const answer = askSession(blocking, 'get self {urn:xmpp:blocking}blocklist', get, sessionContext(blocking))
    assert.ok(answer.ok)
    sameXml(answer.payload, items('blocklist'))
  })

  it('§3.3: the blocked see the account go, then the list changes, then every listening resource is told', () => {
    const effects = effectsOf(ask('block', items('block', 'Romeo@montague.example', 'villain.example')))
    assert.deepEqual(deeds(effects), [
      { do: 'showPresence', to: romeo, as: 'unavailable' },
      { do: 'showPresence', to: 'villain.example', as: 'unavailable' },
      { do: 'rememberAccount', slice: [romeo, 'villain.example'] },
      'push chamber',
      'push balcony',
    ])
    const [push] = effects.filter((effect) => effect.do === 'deliver')
    sameXml(
      push?.stanza,
      `<iq from='juliet@capulet.example' to='juliet@capulet.example/chamber' id='id1' type='set'>${items('block', romeo, 'villain.example')}</iq>`,
    )
    if (push !== undefined) sameHeader(push.stanza)
  })

  it('§5: an account that blocks itself shows itself nothing', () => {
    const effects = effectsOf(ask('block', items('block', 'juliet@capulet.example', 'juliet@capulet.example/x')))
    assert.ok(effects.every((effect) => effect.do !== 'showPresence'))
  })

  it('§3.3: blocking twice changes nothing, but is told', () => {
    assert.deepEqual(deeds(effectsOf(ask('block', items('block', romeo), [romeo]))), ['push chamber', 'push balcony'])
  })

  it('§3.3: no item is a bad request; neither is an item without a jid one, nor one that is no address', () => {
    const empty = ask('block', items('block'))
    assert.equal(!empty.ok && empty.error.text, 'nobody to block')
    assert.equal(error(empty), 'bad-request')
    assert.equal(error(ask('block', "<block xmlns='urn:xmpp:blocking'><item/></block>")), 'bad-request')
    assert.equal(error(ask('block', items('block', '@/'))), 'jid-malformed')
    assert.equal(error(ask('unblock', items('unblock', '@/'))), 'jid-malformed')
  })

  it('limit: one address too many is refused, those that are blocked already do not count', () => {
    const given = { maxAddresses: 2 }
    assert.equal(
      error(ask('block', items('block', 'c.example'), ['a.example', 'b.example'], given)),
      'resource-constraint',
    )
    assert.ok(ask('block', items('block', 'a.example', 'b.example'), ['a.example'], given).ok)
  })

  it('§3.4: the list changes, the unblocked see the account, every listening resource is told', () => {
    const effects = effectsOf(ask('unblock', items('unblock', romeo, 'never@blocked.example'), ['a.example', romeo]))
    assert.deepEqual(deeds(effects), [
      { do: 'rememberAccount', slice: ['a.example'] },
      { do: 'showPresence', to: romeo, as: 'current' },
      'push chamber',
      'push balcony',
    ])
  })

  it('§3.5: an empty unblock unblocks all', () => {
    const effects = effectsOf(ask('unblock', items('unblock'), ['a.example', romeo]))
    assert.deepEqual(deeds(effects).slice(0, 3), [
      { do: 'rememberAccount', slice: [] },
      { do: 'showPresence', to: 'a.example', as: 'current' },
      { do: 'showPresence', to: romeo, as: 'current' },
    ])
    const [push] = effects.filter((effect) => effect.do === 'deliver')
    sameXml(
      push?.stanza,
      `<iq from='juliet@capulet.example' to='juliet@capulet.example/chamber' id='id1' type='set'>${items('unblock')}</iq>`,
    )
  })
})
