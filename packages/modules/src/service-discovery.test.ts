import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serviceDiscovery as disco } from './service-discovery.ts'
import { romeo, session, sessionContext, storageContext } from './testing/contexts.ts'
import { askSession, askStorage } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'
import { emptyRoster, rosterOf } from './testing/rosters.ts'

const infoNs = 'http://jabber.org/protocol/disco#info'
const itemsNs = 'http://jabber.org/protocol/disco#items'
const ask = (ns: string, node = '') => `<iq type='get' id='info1'><query xmlns='${ns}'${node}/></iq>`

describe('XEP-0030 Service Discovery', () => {
  it('§3.1: the domain tells its identities and the features the modules declare', () => {
    const answer = askSession(disco, `get domain {${infoNs}}query`, ask(infoNs), sessionContext(disco))
    assert.ok(answer.ok)
    sameXml(
      answer.payload,
      `<query xmlns='${infoNs}'><identity category='server' type='im' name='Starling'/>
         <feature var='http://jabber.org/protocol/disco#info'/><feature var='urn:xmpp:ping'/></query>`,
    )
  })

  it('§3.1: an account is account/registered, with the features of accounts', () => {
    const answer = askSession(disco, `get self {${infoNs}}query`, ask(infoNs), sessionContext(disco))
    assert.ok(answer.ok)
    sameXml(
      answer.payload,
      `<query xmlns='${infoNs}'><identity category='account' type='registered'/><feature var='urn:xmpp:mam:2'/></query>`,
    )
  })

  for (const key of [`get domain {${infoNs}}query`, `get self {${infoNs}}query`] as const) {
    it(`§3.2: ${key} with a node: item-not-found`, () => {
      const answer = askSession(disco, key, ask(infoNs, " node='x'"), sessionContext(disco))
      assert.equal(!answer.ok && answer.error.condition, 'item-not-found')
    })
  }

  const request = `<iq type='get' id='i' from='romeo@montague.example/orchard' to='juliet@capulet.example'><query xmlns='${infoNs}'/></iq>`
  const context = storageContext(disco)

  it('§8: another account is told of to whom it lets see its presence', async () => {
    const answers = { 'roster.load': () => rosterOf(romeo, 'from') }
    const ended = await askStorage(disco, `get account {${infoNs}}query`, { request, context, answers })
    sameXml(
      ended.payload,
      `<query xmlns='${infoNs}'><identity category='account' type='registered'/><feature var='urn:xmpp:mam:2'/></query>`,
    )
  })

  for (const [who, roster] of [
    ['a stranger, or of an account that does not exist', emptyRoster],
    ['somebody whose presence it sees but who does not see its own', rosterOf(romeo, 'to')],
  ] as const) {
    it(`§8: service-unavailable to ${who}, node or not`, async () => {
      const answers = { 'roster.load': () => roster }
      for (const one of [request, request.replace('query xmlns', "query node='x' xmlns")]) {
        const ended = await askStorage(disco, `get account {${infoNs}}query`, { request: one, context, answers })
        assert.equal(ended.error?.condition, 'service-unavailable')
      }
    })
  }

  it('§4.1: the domain has no items yet, and others see none of an account', () => {
    for (const scope of ['domain', 'account'] as const) {
      const answer = askSession(disco, `get ${scope} {${itemsNs}}query`, ask(itemsNs), sessionContext(disco))
      assert.ok(answer.ok)
      sameXml(answer.payload, `<query xmlns='${itemsNs}'/>`)
    }
  })

  it("§4.1: one's own available resources are items", () => {
    const sessions = [
      session('juliet@capulet.example/balcony'),
      session('juliet@capulet.example/chamber', { isAvailable: false }),
    ]
    const answer = askSession(disco, `get self {${itemsNs}}query`, ask(itemsNs), sessionContext(disco, { sessions }))
    assert.ok(answer.ok)
    sameXml(answer.payload, `<query xmlns='${itemsNs}'><item jid='juliet@capulet.example/balcony'/></query>`)
  })
})
