import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { xml } from '@xmpp/client'
import { connect } from './device.ts'
import { play, type World } from './world.ts'

/** What the server itself answers, and whom it lets in. */
export function serviceStories(world: () => World): void {
  const story = (title: string, tell: Parameters<typeof play>[2]): void => {
    it(title, () => play(world(), title, tell))
  }

  describe('RFC 6120 §6 signing in', () => {
    story('§6.5.10: a wrong password and an unknown user are refused alike', async ({ account, reach, bare }) => {
      await account('romeo')
      const [known] = bare('romeo').split('@')
      const refusals: unknown[] = []
      for (const username of [known ?? '', 'nobody-at-all']) {
        await assert.rejects(connect(reach, { username, password: 'guess' }), (error: { condition?: string }) => {
          refusals.push(error.condition)
          return true
        })
      }
      assert.deepEqual(refusals, ['not-authorized', 'not-authorized'])
    })
  })

  describe('XEP-0077 an account and its owner', () => {
    const register = { xmlns: 'jabber:iq:register' }

    story(
      '§3.3: a new password is in force at once, the old one is not; §3.2: an account ends',
      async ({ device, reach, password }) => {
        const romeo = await device('romeo')
        const [username = ''] = romeo.bare.split('@')
        const change = xml('query', register, xml('username', {}, username), xml('password', {}, 'a new one'))
        await romeo.request('set', change, reach.domain)
        await assert.rejects(connect(reach, { username, password }), /not-authorized/)
        const again = await connect(reach, { username, password: 'a new one' })
        const ended = new Promise<void>((resolve) => again.xmpp.on('disconnect', () => resolve()))
        await again.request('set', xml('query', register, xml('remove')))
        await ended // RFC 6120 §4.9.3.12: its streams end
        await assert.rejects(connect(reach, { username, password: 'a new one' }), /not-authorized/)
      },
    )
  })

  describe('what the server answers', () => {
    story('XEP-0030, 0199, 0092, 0202, 0012: asked of the domain', async ({ device, reach }) => {
      const romeo = await device('romeo')
      const ask = async (name: string, xmlns: string) =>
        (await romeo.request('get', xml(name, { xmlns }), reach.domain)).getChild(name, xmlns)
      const info = await ask('query', 'http://jabber.org/protocol/disco#info')
      const features = (info?.getChildren('feature') ?? []).map((feature) => feature.attrs['var'])
      for (const feature of ['urn:xmpp:ping', 'urn:xmpp:carbons:2', 'urn:xmpp:blocking', 'vcard-temp']) {
        assert.ok(features.includes(feature), `${feature} is told`)
      }
      assert.ok((await romeo.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), reach.domain)).is('iq'))
      assert.equal((await ask('query', 'jabber:iq:version'))?.getChildText('name'), 'Starling')
      assert.match((await ask('time', 'urn:xmpp:time'))?.getChildText('utc') ?? '', /^\d{4}-\d\d-\d\dT/)
      const account = await romeo.request(
        'get',
        xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' }),
        romeo.bare,
      )
      const own = (account.getChild('query')?.getChildren('feature') ?? []).map((feature) => feature.attrs['var'])
      assert.ok(own.includes('urn:xmpp:mam:2'), 'XEP-0313 §9: the account has the archive')
    })

    story('XEP-0049 and XEP-0054: private XML and vCards are kept, vCards shown to others', async ({ device }) => {
      const romeo = await device('romeo')
      const notes = (...children: string[]) =>
        xml('query', { xmlns: 'jabber:iq:private' }, xml('notes', { xmlns: 'urn:example:notes' }, ...children))
      await romeo.request('set', notes('a rose'))
      const kept = await romeo.request('get', notes())
      assert.equal(kept.getChild('query')?.getChild('notes')?.getText(), 'a rose')
      await romeo.request('set', xml('vCard', { xmlns: 'vcard-temp' }, xml('FN', {}, 'Romeo Montague')))
      const juliet = await device('juliet')
      const card = await juliet.request('get', xml('vCard', { xmlns: 'vcard-temp' }), romeo.bare)
      assert.equal(card.getChild('vCard')?.getChildText('FN'), 'Romeo Montague')
    })

    story(
      'RFC 6120 §8.2.3: a request nobody knows is answered once, with service-unavailable',
      async ({ device, reach }) => {
        const romeo = await device('romeo')
        await assert.rejects(
          romeo.request('get', xml('query', { xmlns: 'urn:example:unknown' }), reach.domain),
          /service-unavailable/,
        )
        await assert.rejects(
          romeo.request('get', xml('query', { xmlns: 'urn:example:unknown' })),
          /service-unavailable/,
        )
      },
    )
  })
}
