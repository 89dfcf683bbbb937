import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createWorld } from './testing/world.ts'

const get = "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>"
const set = (item: string): string => `<iq type='set' id='s'><query xmlns='jabber:iq:roster'>${item}</query></iq>`
const conditionOf = (xml: string | undefined): string =>
  /<error type='(\w+)'><([\w-]+) /
    .exec(xml ?? '')
    ?.slice(1)
    .join(' ') ?? `no error: ${xml}`

describe('RFC 6121 §2 the roster', () => {
  it('§2.1.4: an empty roster is a result with an empty query', async () => {
    const romeo = await createWorld(['romeo']).connect('romeo', 'orchard')
    romeo.heard()
    await romeo.send(get)
    assert.deepEqual(romeo.heard(), [
      "<iq type='result' id='g' to='romeo@example.org/orchard'><query xmlns='jabber:iq:roster'/></iq>",
    ])
  })

  it('§2.3.2: a set reaches every interested resource, the sender too, and nobody else; then the result', async () => {
    const world = createWorld(['romeo'])
    const orchard = await world.connect('romeo', 'orchard')
    const balcony = await world.connect('romeo', 'balcony')
    const street = await world.connect('romeo', 'street')
    await orchard.send(get)
    await balcony.send(get)
    for (const client of [orchard, balcony, street]) client.heard()
    await orchard.send(set("<item jid='Juliet@Example.org' name='J'><group>Lovers</group></item>"))
    const item = "<item jid='juliet@example.org' name='J' subscription='none'><group>Lovers</group></item>"
    const [pushed, result, ...more] = orchard.heard()
    assert.match(
      pushed ?? '',
      /^<iq type='set' id='[^']+' to='romeo@example.org\/orchard'><query xmlns='jabber:iq:roster' ver='[^']+'>/,
    )
    assert.ok(pushed?.includes(item))
    assert.equal(result, "<iq type='result' id='s' to='romeo@example.org/orchard'/>")
    assert.deepEqual(more, [])
    assert.ok(balcony.heard()[0]?.includes(item))
    assert.deepEqual(street.heard(), [])
    await street.send(get)
    assert.ok(street.heard()[0]?.includes(item))
  })

  it('§2.1.2.5: a subscription a client sets is ignored; §2.4: name and groups are replaced, the subscription stays', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send("<presence to='juliet@example.org' type='subscribe'/>")
    await romeo.send(set("<item jid='juliet@example.org' subscription='both' name='J'/>"))
    await romeo.send(set("<item jid='juliet@example.org'><group>A</group></item>"))
    romeo.heard()
    await romeo.send(get)
    assert.ok(
      romeo
        .heard()[0]
        ?.includes("<item jid='juliet@example.org' subscription='none' ask='subscribe'><group>A</group></item>"),
    )
  })

  const refused: readonly (readonly [clause: string, items: string, condition: string])[] = [
    ['§2.3.3: no item', '', 'modify bad-request'],
    ['§2.3.3: two items', "<item jid='a@example.org'/><item jid='b@example.org'/>", 'modify bad-request'],
    ['§2.3.3: an item without jid', "<item name='J'/>", 'modify bad-request'],
    ['RFC 6120 §8.3.3.8: a broken jid', "<item jid='a@b@c'/>", 'modify jid-malformed'],
    ['§2.1.2.3: a full jid', "<item jid='a@example.org/x'/>", 'modify bad-request'],
    [
      '§2.3.3: a group twice',
      "<item jid='a@example.org'><group>A</group><group>A</group></item>",
      'modify bad-request',
    ],
    ['§2.3.3: an empty group', "<item jid='a@example.org'><group/></item>", 'modify not-acceptable'],
    ['§2.3.3: a long name', `<item jid='a@example.org' name='${'n'.repeat(1024)}'/>`, 'modify not-acceptable'],
    [
      '§2.3.3: a long group',
      `<item jid='a@example.org'><group>${'n'.repeat(1024)}</group></item>`,
      'modify not-acceptable',
    ],
    [
      'too many groups',
      `<item jid='a@example.org'>${Array.from({ length: 65 }, (_, n) => `<group>${n}</group>`).join('')}</item>`,
      'modify not-acceptable',
    ],
    ['the account itself', "<item jid='romeo@example.org'/>", 'cancel not-allowed'],
    [
      '§2.5.3: removing what is not there',
      "<item jid='a@example.org' subscription='remove'/>",
      'cancel item-not-found',
    ],
    ['another element', "<thing jid='a@example.org'/>", 'modify bad-request'],
  ]
  for (const [clause, items, condition] of refused) {
    it(`${clause} is refused with ${condition}, and nothing changes`, async () => {
      const world = createWorld(['romeo'])
      const romeo = await world.connect('romeo', 'orchard')
      await romeo.send(get)
      romeo.heard()
      await romeo.send(set(items))
      const heard = romeo.heard()
      assert.equal(heard.length, 1)
      assert.equal(conditionOf(heard[0]), condition)
      assert.equal(world.storage.rosters.size, 0)
    })
  }

  it("§2.3.3: another account's roster is forbidden", async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    romeo.heard()
    await romeo.send("<iq type='get' id='g' to='juliet@example.org'><query xmlns='jabber:iq:roster'/></iq>")
    assert.equal(conditionOf(romeo.heard()[0]), 'auth forbidden')
  })

  it('a full roster takes no further item, by set or by subscription; what is there can still be changed', async () => {
    const world = createWorld(['romeo', 'a', 'b'], { limits: { maxRosterItems: 1 } })
    const romeo = await world.connect('romeo', 'orchard')
    await romeo.send(set("<item jid='a@example.org'/>"))
    romeo.heard()
    await romeo.send(set("<item jid='b@example.org'/>"))
    assert.equal(conditionOf(romeo.heard()[0]), 'wait resource-constraint')
    await romeo.send("<presence to='b@example.org' type='subscribe'/>")
    assert.equal(conditionOf(romeo.heard()[0]), 'wait resource-constraint')
    await romeo.send(set("<item jid='a@example.org' name='A'/>"))
    assert.deepEqual(romeo.heard(), ["<iq type='result' id='s' to='romeo@example.org/orchard'/>"])
    const b = await world.connect('b', 'home')
    await b.send(get)
    await b.send("<presence to='romeo@example.org' type='subscribe'/>")
    assert.match(b.heard().at(-1) ?? '', /<item jid='romeo@example.org' subscription='none'\/>/)
    assert.equal(world.storage.rosters.get('romeo@example.org')?.items.length, 1)
  })

  it('§2.6: the version names the last change: a client that holds it gets no items', async () => {
    const world = createWorld(['romeo'])
    const romeo = await world.connect('romeo', 'orchard')
    romeo.heard()
    const ask = async (ver: string): Promise<string> => {
      await romeo.send(`<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='${ver}'/></iq>`)
      return romeo.heard()[0] ?? ''
    }
    assert.match(await ask(''), /<query xmlns='jabber:iq:roster' ver=''\/>/) // §2.6.1: the client has nothing yet
    await romeo.send(set("<item jid='juliet@example.org'/>"))
    const ver = /ver='([^']+)'/.exec(romeo.heard()[0] ?? '')?.[1] ?? ''
    assert.notEqual(ver, '')
    assert.equal(await ask(ver), "<iq type='result' id='g' to='romeo@example.org/orchard'/>") // §2.6.2
    await romeo.send(set("<item jid='nurse@example.org'/>"))
    romeo.heard()
    const whole = await ask(ver)
    assert.match(whole, /juliet@example.org.*nurse@example.org/)
    assert.ok(!whole.includes(`ver='${ver}'`))
    world.takeOver()
    assert.equal(
      await ask(/ver='([^']+)'/.exec(whole)?.[1] ?? ''),
      "<iq type='result' id='g' to='romeo@example.org/orchard'/>",
    )
  })

  it('§2.5.2: removing a contact ends both subscriptions, and both rosters say so', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const romeo = await world.connect('romeo', 'orchard')
    const juliet = await world.connect('juliet', 'balcony')
    for (const client of [romeo, juliet]) {
      await client.send(get)
      await client.send('<presence/>')
    }
    await romeo.send("<presence to='juliet@example.org' type='subscribe'/>")
    await juliet.send("<presence to='romeo@example.org' type='subscribed'/>")
    await juliet.send("<presence to='romeo@example.org' type='subscribe'/>")
    await romeo.send("<presence to='juliet@example.org' type='subscribed'/>")
    assert.match(romeo.heard().join(''), /jid='juliet@example.org' subscription='both'/)
    assert.match(juliet.heard().join(''), /jid='romeo@example.org' subscription='both'/)
    await romeo.send(set("<item jid='juliet@example.org' subscription='remove'/>"))
    assert.match(romeo.heard().join(''), /<item jid='juliet@example.org' subscription='remove'\/>/)
    const heard = juliet.heard().join('')
    assert.match(heard, /<presence from='romeo@example.org' to='juliet@example.org' type='unsubscribe'\/>/)
    assert.match(heard, /<presence from='romeo@example.org' to='juliet@example.org' type='unsubscribed'\/>/)
    assert.match(heard, /<presence from='romeo@example.org\/orchard' to='juliet@example.org' type='unavailable'\/>/)
    assert.match(heard, /<item jid='romeo@example.org' subscription='none'\/>/)
    await romeo.send(get)
    assert.ok(!romeo.heard().join('').includes('<item'))
  })
})
