import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type XmppElement, xml } from '@xmpp/client'
import { type Device, isLateWrite } from './device.ts'
import { play, type World } from './world.ts'

const rosterNs = 'jabber:iq:roster'

/** Romeo subscribes to Juliet, she approves and asks back, he approves: both see each other. */
export async function befriend(romeo: Device, juliet: Device): Promise<void> {
  for (const [one, other] of [
    [romeo, juliet],
    [juliet, romeo],
  ] as const) {
    await one.send(xml('presence', { type: 'subscribe', to: other.bare }))
    await other.next(
      'a subscription request',
      (stanza) => stanza.attrs['type'] === 'subscribe' && stanza.attrs['from'] === one.bare,
    )
    await other.send(xml('presence', { type: 'subscribed', to: one.bare }))
    await one.next(
      'an approval',
      (stanza) => stanza.attrs['type'] === 'subscribed' && stanza.attrs['from'] === other.bare,
    )
    await one.next(
      'presence of the contact',
      (stanza) => stanza.is('presence') && stanza.attrs['from'] === other.jid && stanza.attrs['type'] === undefined,
    )
  }
}

const rosterOf = async (device: Device): Promise<readonly XmppElement[]> =>
  (await device.request('get', xml('query', { xmlns: rosterNs }))).getChild('query')?.getChildren('item') ?? []

/** Rosters, subscriptions, presence, and how sessions end. */
export function presenceStories(world: () => World): void {
  const story = (title: string, tell: Parameters<typeof play>[2]): void => {
    it(title, () => play(world(), title, tell))
  }

  describe('RFC 6121 §2 rosters', () => {
    story('§2.3 set, §2.1.6 push to every interested resource, §2.5 remove', async ({ device, bare }) => {
      const phone = await device('romeo', { resource: 'phone' })
      const desk = await device('romeo', { resource: 'desk' })
      for (const one of [phone, desk]) assert.deepEqual(await rosterOf(one), [])
      const item = xml('item', { jid: bare('nurse'), name: 'Nurse' }, xml('group', {}, 'Servants'))
      await phone.request('set', xml('query', { xmlns: rosterNs }, item))
      for (const one of [phone, desk]) {
        const push = await one.next('a roster push', (stanza) => stanza.is('iq') && stanza.attrs['type'] === 'set')
        const pushed = push.getChild('query', rosterNs)?.getChild('item')
        assert.deepEqual(
          [pushed?.attrs['jid'], pushed?.attrs['name'], pushed?.attrs['subscription']],
          [bare('nurse'), 'Nurse', 'none'],
        )
      }
      assert.equal((await rosterOf(desk))[0]?.getChildText('group'), 'Servants')
      await desk.request(
        'set',
        xml('query', { xmlns: rosterNs }, xml('item', { jid: bare('nurse'), subscription: 'remove' })),
      )
      assert.deepEqual(await rosterOf(phone), [])
    })
  })

  describe('RFC 6121 §3 and §4 subscriptions and presence', () => {
    story('§3.1–3.2: subscribing both ways, then each sees the other come and go', async ({ device }) => {
      const romeo = await device('romeo', { resource: 'orchard' })
      const juliet = await device('juliet', { resource: 'balcony' })
      for (const one of [romeo, juliet]) {
        await rosterOf(one)
        await one.available()
      }
      await befriend(romeo, juliet)
      assert.deepEqual(
        (await rosterOf(romeo)).map((item) => [item.attrs['jid'], item.attrs['subscription']]),
        [[juliet.bare, 'both']],
      )
      await juliet.send(xml('presence', {}, xml('show', {}, 'away')))
      const away = await romeo.next('away', (stanza) => stanza.getChildText('show') === 'away')
      assert.equal(away.attrs['from'], juliet.jid)
      await juliet.close()
      const gone = await romeo.next(
        'unavailable',
        (stanza) => stanza.is('presence') && stanza.attrs['type'] === 'unavailable',
      )
      assert.equal(gone.attrs['from'], juliet.jid, '§4.5.2: the server says it for her')
      const back = await device('juliet', { resource: 'chamber' })
      await back.available()
      await romeo.next('her new resource', (stanza) => stanza.is('presence') && stanza.attrs['from'] === back.jid)
      await back.next(
        '§4.2.2, §4.3: his presence by probe',
        (stanza) => stanza.is('presence') && stanza.attrs['from'] === romeo.jid,
      )
    })

    story('§3.1.3: a request to somebody offline waits until they come', async ({ device, bare, account }) => {
      const romeo = await device('romeo')
      await romeo.available()
      await account('juliet')
      await romeo.send(xml('presence', { type: 'subscribe', to: bare('juliet') }, xml('status', {}, 'It is the east')))
      await romeo.request('get', xml('query', { xmlns: rosterNs }))
      const juliet = await device('juliet')
      await juliet.available()
      const request = await juliet.next('the request', (stanza) => stanza.attrs['type'] === 'subscribe')
      assert.equal(request.attrs['from'], romeo.bare)
    })

    story('§4.6: directed presence is followed by unavailable when the sender goes', async ({ device }) => {
      const romeo = await device('romeo')
      const stranger = await device('stranger')
      await stranger.available()
      await romeo.send(xml('presence', { to: stranger.jid }))
      await stranger.next(
        'directed presence',
        (stanza) => stanza.attrs['from'] === romeo.jid && stanza.attrs['type'] === undefined,
      )
      await romeo.close()
      await stranger.next(
        'its end',
        (stanza) => stanza.attrs['from'] === romeo.jid && stanza.attrs['type'] === 'unavailable',
      )
    })
  })

  describe('XEP-0191 blocking', () => {
    story('§3.2: neither messages nor presence pass, until unblocked', async ({ device }) => {
      const juliet = await device('juliet')
      const paris = await device('paris')
      for (const one of [juliet, paris]) {
        await rosterOf(one)
        await one.available()
      }
      await befriend(juliet, paris)
      const blocking = { xmlns: 'urn:xmpp:blocking' }
      await juliet.request('set', xml('block', blocking, xml('item', { jid: paris.bare })))
      await paris.next(
        '§3.3: she seems gone',
        (stanza) => stanza.attrs['from'] === juliet.jid && stanza.attrs['type'] === 'unavailable',
      )
      await paris.message(juliet.bare, 'hear me', { id: 'blocked' })
      await paris.next('an error', (stanza) => stanza.attrs['type'] === 'error' && stanza.attrs['id'] === 'blocked')
      await juliet.request('set', xml('unblock', blocking, xml('item', { jid: paris.bare })))
      await paris.message(juliet.bare, 'and now')
      assert.equal((await juliet.nextBody()).body, 'and now')
    })
  })

  describe('RFC 6120 §7 binding', () => {
    story('§7.7.2.2: the same resource again: the newer one stays, the older is told conflict', async ({ device }) => {
      // With Bind 2 the resource is the server's to make, another for each installation (XEP-0386 §3.2.1)
      const orchard = { resource: 'orchard', ignores: ['urn:xmpp:sasl:2'] }
      const older = await device('romeo', orchard)
      const errors: string[] = []
      older.xmpp.on('error', (error: { condition?: string; code?: string }) => {
        if (!isLateWrite(error)) errors.push(error.condition ?? String(error))
      })
      const closed = new Promise<void>((resolve) => older.xmpp.on('disconnect', () => resolve()))
      const newer = await device('romeo', orchard)
      await closed
      assert.deepEqual(errors, ['conflict'])
      await newer.available()
      await newer.message(newer.jid, 'still here')
      assert.equal((await newer.nextBody()).body, 'still here')
    })

    story('two devices without a resource of their own get different ones', async ({ device }) => {
      const [one, other] = [await device('romeo'), await device('romeo')]
      assert.notEqual(one.jid, other.jid)
    })
  })
}
