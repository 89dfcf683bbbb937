import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { xml } from '@xmpp/client'
import { walkArchive } from './archive-walk.ts'
import { play, type World } from './world.ts'

/** Messages: to accounts, to resources, in order, offline, copied, archived. */
export function chatStories(world: () => World): void {
  const story = (title: string, tell: Parameters<typeof play>[2]): void => {
    it(title, () => play(world(), title, tell))
  }

  describe('RFC 6121 §5 and §8: messages', () => {
    story(
      'a message to a bare JID reaches the available resource, over TCP and WebSocket, with the true from',
      async ({ device }) => {
        const romeo = await device('romeo', { resource: 'orchard' })
        const juliet = await device('juliet', { resource: 'balcony', transport: 'websocket' })
        await romeo.available()
        await juliet.available()
        await romeo.message(juliet.bare, 'Wilt thou be gone? <&> “ü”')
        const asked = await juliet.nextBody()
        assert.deepEqual([asked.body, asked.from], ['Wilt thou be gone? <&> “ü”', romeo.jid])
        await juliet.message(romeo.bare, 'It was the nightingale')
        const heard = await romeo.nextBody()
        assert.deepEqual([heard.body, heard.from], ['It was the nightingale', juliet.jid])
      },
    )

    story('200 messages arrive once each and in order', async ({ device }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet')
      await romeo.available()
      await juliet.available()
      const sent = Array.from({ length: 200 }, (_, i) => `line ${i}`)
      for (const [i, body] of sent.entries()) await romeo.message(i % 2 === 0 ? juliet.jid : juliet.bare, body)
      const got: string[] = []
      while (got.length < sent.length) got.push((await juliet.nextBody()).body)
      assert.deepEqual(got, sent)
      assert.deepEqual(
        juliet.unread().filter((stanza) => stanza.is('message')),
        [],
      )
    })

    story(
      '§8.5.2.1: the resource of highest priority gets it; a negative priority gets nothing for the bare JID',
      async ({ device }) => {
        const romeo = await device('romeo')
        const low = await device('juliet', { resource: 'low' })
        const high = await device('juliet', { resource: 'high' })
        const never = await device('juliet', { resource: 'never' })
        await low.available(1)
        await high.available(5)
        await never.available(-1)
        await romeo.available()
        await romeo.message(high.bare, 'to the best')
        await romeo.message(never.jid, 'to the hidden one')
        assert.equal((await high.nextBody()).body, 'to the best')
        assert.equal((await never.nextBody()).body, 'to the hidden one')
        assert.deepEqual(
          low.unread().filter((stanza) => stanza.is('message')),
          [],
        )
      },
    )

    story(
      '§8.5.3.2.3: an IQ to a resource that is gone, to an account that never was and to an unknown domain is answered',
      async ({ device, bare }) => {
        const romeo = await device('romeo')
        await device('juliet')
        for (const [to, condition] of [
          [`${bare('juliet')}/gone`, 'service-unavailable'],
          [bare('nobody'), 'service-unavailable'],
          ['example.invalid', 'remote-server-not-found'],
        ] as const) {
          await assert.rejects(
            romeo.request('get', xml('query', { xmlns: 'jabber:iq:version' }), to),
            new RegExp(condition),
            to,
          )
        }
      },
    )

    story('an IQ between two clients and its answer', async ({ device }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet')
      const pong = await romeo.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), juliet.jid)
      assert.deepEqual([pong.attrs['type'], pong.attrs['from']], ['result', juliet.jid])
    })
  })

  describe('XEP-0160 offline messages', () => {
    story(
      '§2: kept while nobody is there, then sent once, in order, with their time',
      async ({ device, bare, account }) => {
        const romeo = await device('romeo')
        await romeo.available()
        await account('juliet')
        for (const body of ['one', 'two', 'three']) await romeo.message(bare('juliet'), body)
        // An answer after them: everything before it has been handed on (one sender, one order).
        await romeo.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), romeo.jid.split('@')[1]?.split('/')[0])
        const juliet = await device('juliet')
        await juliet.available()
        for (const body of ['one', 'two', 'three']) {
          const heard = await juliet.nextBody()
          assert.equal(heard.body, body)
        }
        await juliet.close()
        const again = await device('juliet')
        await again.available()
        await romeo.message(bare('juliet'), 'four')
        assert.equal((await again.nextBody()).body, 'four')
      },
    )

    story('§2: an account that does not exist bounces', async ({ device, bare }) => {
      const romeo = await device('romeo')
      await romeo.message(bare('nobody'), 'anyone?', { id: 'lost' })
      const bounce = await romeo.next('a bounce', (stanza) => stanza.attrs['type'] === 'error')
      assert.equal(bounce.attrs['id'], 'lost')
      assert.ok(bounce.getChild('error')?.getChild('service-unavailable'))
    })
  })

  describe('XEP-0280 carbons and XEP-0313 archive', () => {
    story('the other devices of both sides see the conversation once', async ({ device }) => {
      const phone = await device('romeo', { resource: 'phone' })
      const desk = await device('romeo', { resource: 'desk' })
      const juliet = await device('juliet', { resource: 'one' })
      const tablet = await device('juliet', { resource: 'two' })
      for (const one of [phone, desk, juliet, tablet]) await one.available(one === tablet ? 0 : 1)
      for (const one of [desk, tablet]) await one.request('set', xml('enable', { xmlns: 'urn:xmpp:carbons:2' }))
      await phone.message(juliet.jid, 'copied to all')
      assert.equal((await juliet.nextBody()).body, 'copied to all')
      for (const [one, direction] of [
        [desk, 'sent'],
        [tablet, 'received'],
      ] as const) {
        const copy = await one.next(
          `a ${direction} copy`,
          (stanza) => stanza.getChild(direction, 'urn:xmpp:carbons:2') !== undefined,
        )
        assert.equal(copy.attrs['from'], one.bare, '§11: from the own bare JID')
        const inner = copy.getChild(direction)?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message')
        assert.equal(inner?.getChildText('body'), 'copied to all')
      }
      assert.deepEqual(
        phone.unread().filter((stanza) => stanza.is('message')),
        [],
      )
    })

    story('both sides find the conversation in their archives, in order, page by page', async ({ device }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet')
      await romeo.available()
      await juliet.available()
      for (let i = 0; i < 5; i++) await romeo.message(juliet.bare, `archived ${i}`)
      const ids: (string | undefined)[] = []
      for (let i = 0; i < 5; i++)
        ids.push((await juliet.nextBody()).stanza.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs['id'])
      const bodies = [0, 1, 2, 3, 4].map((i) => `archived ${i}`)
      const hers = await walkArchive(juliet, romeo.bare, 2)
      assert.deepEqual(
        hers.map(({ body }) => body),
        bodies,
      )
      assert.deepEqual(
        hers.map(({ id }) => id),
        ids,
        'XEP-0359: the id she saw is the id in her archive',
      )
      const his = await walkArchive(romeo, juliet.bare, 3)
      assert.deepEqual(
        his.map(({ body }) => body),
        bodies,
      )
    })
  })
}
