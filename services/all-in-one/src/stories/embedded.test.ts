import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { defaultSettings } from '@starling/runtime'
import {
  chatStories,
  connect,
  expiryStories,
  presenceStories,
  serviceStories,
  smStories,
  type World,
} from '@starling/testkit'
import { xml } from '@xmpp/client'
import { type Server, startEmbedded } from './embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

describe('on the embedded default', { concurrency: 4 }, () => {
  let server: Server
  const world = (): World => ({ reaches: [server.reach], createAccount: server.createAccount })
  before(async () => {
    server = await startEmbedded()
  })
  after(() => server.end())
  chatStories(world)
  presenceStories(world)
  serviceStories(world)
  smStories(world)
})

describe('on the embedded default, where a session waits a second for its client', { concurrency: 2 }, () => {
  let server: Server
  before(async () => {
    server = await startEmbedded({ sm: { ...defaultSettings.sm, resumeSeconds: 1 } })
  })
  after(() => server.end())
  expiryStories(() => ({ reaches: [server.reach], createAccount: server.createAccount }))
})

describe('a restart of the embedded default', () => {
  it('knows everything the first start was told: accounts, rosters, archives, offline messages', async () => {
    const first = await startEmbedded()
    for (const name of ['romeo', 'juliet']) await first.createAccount(`${name}@localhost`, 'secret')
    const romeo = await connect(first.reach, { username: 'romeo', password: 'secret' })
    await romeo.available()
    await romeo.request(
      'set',
      xml('query', { xmlns: 'jabber:iq:roster' }, xml('item', { jid: 'juliet@localhost', name: 'J' })),
    )
    await romeo.message('juliet@localhost', 'before the restart')
    await romeo.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), 'localhost') // answered: what he sent before has arrived
    await first.stop()

    const second = await startEmbedded({}, first.dataDir)
    try {
      const again = await connect(second.reach, { username: 'romeo', password: 'secret' })
      const roster = await again.request('get', xml('query', { xmlns: 'jabber:iq:roster' }))
      assert.equal(roster.getChild('query')?.getChild('item')?.attrs['name'], 'J')
      const juliet = await connect(second.reach, { username: 'juliet', password: 'secret' })
      await juliet.available()
      assert.equal((await juliet.nextBody()).body, 'before the restart')
      await again.message('juliet@localhost', 'after the restart')
      assert.equal((await juliet.nextBody()).body, 'after the restart')
      await juliet.request('set', xml('query', { xmlns: 'urn:xmpp:mam:2' }))
      const archived = juliet
        .unread()
        .flatMap(
          (stanza) => stanza.getChild('result')?.getChild('forwarded')?.getChild('message')?.getChildText('body') ?? [],
        )
      assert.deepEqual(
        archived,
        ['before the restart', 'after the restart'],
        'R9: later ids, though the log began anew',
      )
      await juliet.close()
      await again.close()
    } finally {
      await second.end()
    }
  })
})
