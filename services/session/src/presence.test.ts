import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RosterItem } from '@starling/core'
import { blankItem } from './roster.ts'
import { presence } from './stanza-edit.ts'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const presencesOf = (client: Client): readonly string[] => client.heard().filter((xml) => xml.startsWith('<presence'))

function befriend(world: World, owner: string, contact: string, subscription: RosterItem['subscription']): void {
  const key = `${owner}@example.org`
  const jid = `${contact}@example.org` as RosterItem['jid']
  const items = world.storage.rosters.get(key)?.items ?? []
  world.storage.rosters.set(key, {
    version: '',
    items: [...items, { ...blankItem(jid), subscription, isListed: true }],
  })
}

/** Romeo and Juliet see each other; Juliet is online. */
async function friends(limits: { readonly maxDirectedPresence?: number } = {}): Promise<{
  world: World
  romeo: Client
  juliet: Client
}> {
  const world = createWorld(['romeo', 'juliet', 'tybalt'], { limits })
  befriend(world, 'romeo', 'juliet', 'both')
  befriend(world, 'juliet', 'romeo', 'both')
  const juliet = await world.connect('juliet', 'balcony')
  await juliet.send('<presence><show>away</show></presence>')
  const romeo = await world.connect('romeo', 'orchard')
  juliet.heard()
  romeo.heard()
  return { world, romeo, juliet }
}

describe('RFC 6121 §4 presence', () => {
  it('§4.2.2: initial presence reaches the contact and oneself; the contact answers the probe', async () => {
    const { romeo, juliet } = await friends()
    await romeo.send('<presence/>')
    assert.deepEqual(presencesOf(juliet).map(unordered), [
      "<presence from='romeo@example.org/orchard' to='juliet@example.org'/>",
    ])
    assert.deepEqual(presencesOf(romeo).map(unordered).sort(), [
      unordered(
        "<presence from='juliet@example.org/balcony' to='romeo@example.org/orchard'><show>away</show></presence>",
      ),
      unordered("<presence from='romeo@example.org/orchard' to='romeo@example.org/orchard'/>"),
    ])
  })

  it('§4.2.2: a second resource is told of the first, and the first of it', async () => {
    const { world, romeo } = await friends()
    await romeo.send('<presence><show>dnd</show></presence>')
    romeo.heard()
    const street = await world.connect('romeo', 'street')
    street.heard()
    await street.send('<presence/>')
    assert.deepEqual(romeo.heard().map(unordered), [
      unordered("<presence from='romeo@example.org/street' to='romeo@example.org/orchard'/>"),
    ])
    const shown = street.heard().map(unordered)
    assert.ok(
      shown.includes(
        unordered(
          "<presence from='romeo@example.org/orchard' to='romeo@example.org/street'><show>dnd</show></presence>",
        ),
      ),
    )
    // the first resource's contact answered before; the probe of the second is answered to it alone
    assert.equal(romeo.heard().length, 0)
    assert.equal(shown.filter((xml) => xml.includes('juliet@example.org/balcony')).length, 1)
  })

  it('§4.4.2: a change is broadcast, and nobody is probed again', async () => {
    const { world, romeo, juliet } = await friends()
    await romeo.send('<presence/>')
    juliet.heard()
    world.published.length = 0
    await romeo.send('<presence><show>xa</show></presence>')
    assert.equal(presencesOf(juliet).length, 1)
    assert.ok(world.published.every(({ to }) => to !== 'session'))
  })

  it('§4.5.2: unavailable reaches contacts, the other resources and the one that said it', async () => {
    const { world, romeo, juliet } = await friends()
    const street = await world.connect('romeo', 'street')
    await romeo.send('<presence/>')
    await street.send('<presence/>')
    for (const client of [romeo, juliet, street]) client.heard()
    await romeo.send("<presence type='unavailable'><status>bye</status></presence>")
    for (const client of [romeo, juliet, street]) {
      const [one, ...more] = presencesOf(client)
      assert.match(one ?? '', /type='unavailable'.*<status>bye<\/status>/)
      assert.deepEqual(more, [])
    }
    await romeo.send("<presence type='unavailable'/>")
    assert.deepEqual(presencesOf(juliet), [])
  })

  const endings: readonly (readonly [string, (world: World, client: Client) => Promise<unknown>])[] = [
    ['the connection drops', (_world, client) => client.drop()],
    ['another connection takes the resource', (world) => world.connect('romeo', 'orchard')],
    [
      'the account is deleted',
      async (world) => {
        world.append({ kind: 'accountChanged', key: 'romeo@example.org', atMs: 1, head: { change: 'deleted' } })
        await world.run()
      },
    ],
    [
      'the password changes',
      async (world) => {
        world.append({ kind: 'accountChanged', key: 'romeo@example.org', atMs: 1, head: { change: 'credentials' } })
        await world.run()
      },
    ],
  ]
  for (const [name, end] of endings) {
    it(`§4.5.3: the server says unavailable when ${name}`, async () => {
      const { world, romeo, juliet } = await friends()
      await romeo.send('<presence/>')
      await romeo.send("<presence to='tybalt@example.org'/>")
      const tybalt = await world.connect('tybalt', 'street')
      await tybalt.send('<presence/>')
      for (const client of [juliet, tybalt]) client.heard()
      await end(world, romeo)
      const unavailable = presencesOf(juliet).filter((xml) => xml.includes("type='unavailable'"))
      assert.deepEqual(unavailable.map(unordered), [
        unordered("<presence to='juliet@example.org' from='romeo@example.org/orchard' type='unavailable'/>"),
      ])
      // §4.6.3: so do those who got directed presence
      assert.equal(presencesOf(tybalt).filter((xml) => xml.includes("type='unavailable'")).length, 1)
      assert.deepEqual(world.errors, [])
    })
  }

  it('a deleted account ends its subscriptions, and leaves nothing here', async () => {
    const { world, romeo, juliet } = await friends()
    await juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    await romeo.send('<presence/>')
    juliet.heard()
    world.append({ kind: 'accountChanged', key: 'romeo@example.org', atMs: 1, head: { change: 'deleted' } })
    await world.run()
    assert.match(juliet.heard().join(''), /<item jid='romeo@example.org' subscription='none'\/>/)
    assert.equal(world.presence.states.get('romeo@example.org')?.fields.size, 0)
    assert.equal(romeo.heard().at(-1), '<not-authorized/>')
  })

  it('§4.6: directed presence goes to its address alone; its end follows by itself, once', async () => {
    const { world, romeo, juliet } = await friends()
    const tybalt = await world.connect('tybalt', 'street')
    await tybalt.send('<presence/>')
    tybalt.heard()
    await romeo.send("<presence to='tybalt@example.org/street'/>")
    assert.equal(presencesOf(tybalt).length, 1)
    assert.deepEqual(presencesOf(juliet), [])
    await romeo.send("<presence to='juliet@example.org'/>")
    await romeo.send('<presence/>')
    juliet.heard()
    await romeo.send("<presence type='unavailable'/>")
    assert.equal(presencesOf(tybalt).length, 1)
    assert.equal(presencesOf(juliet).length, 1) // the broadcast reaches her: not told twice
    await romeo.drop()
    assert.deepEqual(presencesOf(tybalt), [])
  })

  it('§4.6.3: who was told of the absence is not told again', async () => {
    const { world, romeo } = await friends()
    const tybalt = await world.connect('tybalt', 'street')
    await tybalt.send('<presence/>')
    await romeo.send("<presence to='tybalt@example.org'/>")
    await romeo.send("<presence to='tybalt@example.org' type='unavailable'/>")
    tybalt.heard()
    await romeo.drop()
    assert.deepEqual(presencesOf(tybalt), [])
  })

  it('directed presence to more addresses than are remembered is refused', async () => {
    const { romeo } = await friends({ maxDirectedPresence: 1 })
    await romeo.send("<presence to='tybalt@example.org'/>")
    await romeo.send("<presence to='tybalt@example.org'/>")
    assert.deepEqual(romeo.heard(), [])
    await romeo.send("<presence to='nurse@example.org'/>")
    assert.match(romeo.heard()[0] ?? '', /type='error'.*<resource-constraint/)
  })

  for (const [text, isGood] of [
    ['-128', true],
    ['+127', true],
    [' 5 ', true],
    ['128', false],
    ['-129', false],
    ['1.5', false],
    ['high', false],
    ['', false],
  ] as const) {
    it(`§4.7.2.3: priority '${text}' is ${isGood ? 'taken' : 'a bad-request'}`, async () => {
      const { world, romeo, juliet } = await friends()
      await romeo.send(`<presence><priority>${text}</priority></presence>`)
      assert.equal(presencesOf(juliet).length, isGood ? 1 : 0)
      const updated = world.routing.states.findLast(
        (state) => state.change === 'updated' && state.resource === 'orchard',
      )
      if (isGood) assert.equal(updated?.change === 'updated' && updated.priority, Number.parseInt(text, 10))
      else assert.match(romeo.heard()[0] ?? '', /type='error'.*<bad-request/)
    })
  }

  it('§4.3.2: a stranger who probes gets unsubscribed, and never the presence', async () => {
    const { world, juliet } = await friends()
    await juliet.send('<presence/>')
    const tybalt = await world.connect('tybalt', 'street')
    await tybalt.send('<presence/>')
    tybalt.heard()
    await tybalt.send("<presence type='probe' to='juliet@example.org'/>")
    assert.deepEqual(tybalt.heard(), [
      "<presence from='juliet@example.org' to='tybalt@example.org' type='unsubscribed'/>",
    ])
  })

  it('§4.3.2: an account without sessions answers nothing and fetches nothing', async () => {
    const { world, romeo } = await friends()
    await romeo.send('<presence/>')
    world.published.length = 0
    await romeo.send("<presence type='probe' to='tybalt@example.org'/>")
    assert.ok(world.published.every(({ to }) => to !== 'storage'))
  })

  it('§4.3.2: a contact whose sessions are all unavailable is said to be so', async () => {
    const { romeo, juliet } = await friends()
    await juliet.send("<presence type='unavailable'/>")
    await romeo.send('<presence/>')
    assert.ok(
      romeo.heard().includes("<presence from='juliet@example.org' to='romeo@example.org/orchard' type='unavailable'/>"),
    )
  })
})

describe('RFC 6121 §3 subscriptions as stories', () => {
  it('§3.1.3: a request waits for an available resource, whole, and comes again until it is answered', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send("<presence to='juliet@example.org/x' type='subscribe'><status>It is I</status></presence>")
    for (let times = 0; times < 2; times++) {
      const juliet = await world.connect('juliet', 'balcony')
      await juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
      const before = juliet.heard()
      // A.1: a request alone is not in the roster
      assert.ok(!before.join('').includes('<item'))
      await juliet.send('<presence/>')
      const asked = presencesOf(juliet).filter((xml) => xml.includes("type='subscribe'"))
      assert.deepEqual(asked.map(unordered), [
        unordered(
          "<presence from='romeo@example.org' to='juliet@example.org' type='subscribe'><status>It is I</status></presence>",
        ),
      ])
    }
    const juliet = await world.connect('juliet', 'balcony')
    await juliet.send("<presence to='romeo@example.org' type='unsubscribed'/>")
    await juliet.send('<presence/>')
    assert.deepEqual(
      presencesOf(juliet).filter((xml) => xml.includes('subscribe')),
      [],
    )
  })

  it('§3.4: who was approved beforehand sees us at once', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const juliet = await world.connect('juliet', 'balcony')
    await juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    await juliet.send('<presence/>')
    juliet.heard()
    await juliet.send("<presence to='romeo@example.org' type='subscribed'/>")
    assert.match(juliet.heard()[0] ?? '', /<item jid='romeo@example.org' subscription='none' approved='true'\/>/)
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    await romeo.send('<presence/>')
    romeo.heard()
    await romeo.send("<presence to='juliet@example.org' type='subscribe'/>")
    const heard = romeo.heard().join('')
    assert.match(heard, /<presence from='juliet@example.org' to='romeo@example.org' type='subscribed'\/>/)
    assert.match(heard, /<item jid='juliet@example.org' subscription='to'\/>/)
    assert.match(heard, /from='juliet@example.org\/balcony'/)
    const own = juliet.heard().join('')
    assert.ok(!own.includes("type='subscribe'"))
    assert.match(own, /<item jid='romeo@example.org' subscription='from' approved='true'\/>/)
  })

  it('a request to an account that does not exist is denied at once', async () => {
    const world = createWorld(['romeo'])
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    await romeo.send("<presence to='nobody@example.org' type='subscribe'/>")
    assert.match(romeo.heard().at(-1) ?? '', /<item jid='nobody@example.org' subscription='none'\/>/)
    assert.equal(world.presence.states.get('nobody@example.org')?.fields.size, 0)
  })

  it('RFC 6120 §10.4.1: a contact elsewhere is remote-server-not-found, and not in the roster', async () => {
    const world = createWorld(['romeo'])
    const romeo = await world.connect('romeo', 'orchard')
    romeo.heard()
    await romeo.send("<presence to='juliet@elsewhere.example' type='subscribe'/>")
    assert.match(romeo.heard()[0] ?? '', /<remote-server-not-found/)
    assert.equal(world.storage.rosters.size, 0)
  })

  it('a request too long to keep is kept as who asked', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send(
      `<presence to='juliet@example.org' type='subscribe'><status>${'x'.repeat(9000)}</status></presence>`,
    )
    const request = world.storage.rosters.get('juliet@example.org')?.items[0]?.request
    assert.deepEqual(
      Buffer.from(request ?? []).toString(),
      Buffer.from(presence('subscribe', 'romeo@example.org' as never, 'juliet@example.org' as never).raw).toString(),
    )
  })
})

/** The same XML with the attributes of its root in order. */
function unordered(xml: string): string {
  return xml.replace(/^<(\w+)((?: [\w:]+='[^']*')*)/, (_all, name: string, attributes: string) => {
    const sorted = (attributes.match(/ [\w:]+='[^']*'/g) ?? []).sort()
    return `<${name}${sorted.join('')}`
  })
}
