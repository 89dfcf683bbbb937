import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { archivePreferences } from './archive-preferences.ts'
import { sessionContext } from './testing/contexts.ts'
import { askSession } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'

const prefs = (wish: string, always = '', never = '') =>
  `<prefs xmlns='urn:xmpp:mam:2'${wish}><always>${always}</always><never>${never}</never></prefs>`
const set = (inner: string, given = {}) =>
  askSession(
    archivePreferences,
    'set self {urn:xmpp:mam:2}prefs',
    `<iq type='set' id='juliet3'>${inner}</iq>`,
    sessionContext(archivePreferences, {}, given),
  )
const romeo = '<jid>romeo@montague.lit</jid>'
const montague = '<jid>Montague@montague.lit/hall</jid>'

describe('XEP-0441 Message Archive Management Preferences', () => {
  it('§2.1 example 1: the preferences, both lists there even if empty', () => {
    const request = "<iq type='get' id='juliet2'><prefs xmlns='urn:xmpp:mam:2'/></iq>"
    const answer = askSession(
      archivePreferences,
      'get self {urn:xmpp:mam:2}prefs',
      request,
      sessionContext(archivePreferences),
    )
    assert.ok(answer.ok)
    sameXml(answer.payload, prefs(" default='always'"))
  })

  it('§2.1 example 4: what was set is answered and remembered for the account', () => {
    const answer = set(prefs(" default='never'", romeo + romeo, montague))
    assert.ok(answer.ok)
    sameXml(answer.payload, prefs(" default='never'", romeo, '<jid>montague@montague.lit/hall</jid>'))
    assert.deepEqual(answer.effects, [
      {
        do: 'rememberAccount',
        slice: { default: 'never', always: ['romeo@montague.lit'], never: ['montague@montague.lit/hall'] },
      },
    ])
  })

  it('§2.1: roster is applied as always, and the answer says so', () => {
    const answer = set("<prefs xmlns='urn:xmpp:mam:2' default='roster'/>")
    assert.ok(answer.ok)
    sameXml(answer.payload, prefs(" default='always'"))
  })

  it('§2.1.1: any other default, or none, is a bad request; an address that is none is malformed', () => {
    for (const [inner, condition] of [
      [prefs(''), 'bad-request'],
      [prefs(" default='sometimes'"), 'bad-request'],
      [prefs(" default='always'", '<jid>@/</jid>'), 'jid-malformed'],
      [prefs(" default='always'", '', '<jid/>'), 'jid-malformed'],
    ] as const) {
      const answer = set(inner)
      assert.equal(!answer.ok && answer.error.condition, condition)
    }
  })

  it('limit: too many addresses are refused', () => {
    const answer = set(prefs(" default='always'", romeo, montague), { maxAddresses: 1 })
    assert.equal(!answer.ok && answer.error.condition, 'resource-constraint')
  })

  it("others' preferences are forbidden", () => {
    for (const type of ['get', 'set'] as const) {
      const request = `<iq type='${type}' id='1' to='juliet@capulet.example'>${prefs('')}</iq>`
      const answer = askSession(
        archivePreferences,
        `${type} account {urn:xmpp:mam:2}prefs`,
        request,
        sessionContext(archivePreferences),
      )
      assert.equal(!answer.ok && answer.error.condition, 'forbidden')
    }
  })
})
