import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type XmppElement, xml } from '@xmpp/client'
import { comeBack, cut } from './comeback.ts'
import type { Device, FormerSession, Reach } from './device.ts'
import { befriend } from './presence-stories.ts'
import { play, type World } from './world.ts'

const sm = 'urn:xmpp:sm:3'

/** Resolves with what the server acknowledged, once that is so many messages. */
function acknowledged({ xmpp }: Device, count: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const bodies: string[] = []
    xmpp.streamManagement.on('ack', (stanza) => {
      const body = stanza.is('message') ? stanza.getChildText('body') : null
      if (body !== null && bodies.push(body) === count) resolve(bodies)
    })
  })
}

async function say(device: Device, to: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await device.message(to, body)
}

async function hear(device: Device, count: number): Promise<readonly string[]> {
  const bodies: string[] = []
  while (bodies.length < count) bodies.push((await device.nextBody()).body)
  return bodies
}

const lines = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}`)

const messagesOf = (device: Device): readonly XmppElement[] => device.unread().filter((stanza) => stanza.is('message'))

const sessionOf = ({ jid, xmpp: { streamManagement } }: Device): FormerSession => {
  const { id, inbound } = streamManagement
  assert.notEqual(id, '')
  return { jid, id, inbound }
}

/** The server has worked through all that a device sent: its answer comes after that, on the same way. */
const settled = async (device: Device, { domain }: Reach): Promise<void> => {
  await device.request('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), domain)
}

/** Both see each other come and go. */
async function meet(romeo: Device, juliet: Device): Promise<void> {
  // RFC 6121 §2.1.6: subscriptions are told to who asked for the roster
  for (const one of [romeo, juliet]) await one.request('get', xml('query', { xmlns: 'jabber:iq:roster' }))
  await befriend(romeo, juliet)
}

/** Stream management as a client sees it that others wrote: nothing is lost, nothing comes twice, order holds. */
export function smStories(world: () => World): void {
  const story = (title: string, tell: Parameters<typeof play>[2]): void => {
    it(title, () => play(world(), title, tell))
  }

  describe('XEP-0198 stream management', () => {
    story('§3, §4: it is enabled, and what was sent is acknowledged in order', async ({ device }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet', { transport: 'websocket' })
      await juliet.available()
      assert.ok(romeo.xmpp.streamManagement.enabled)
      const acks = acknowledged(romeo, 3)
      await say(romeo, juliet.jid, lines(0, 3))
      assert.deepEqual(await acks, lines(0, 3))
      assert.deepEqual(await hear(juliet, 3), lines(0, 3))
    })

    for (const transport of ['tcp', 'websocket'] as const) {
      story(
        `§5: a cut ${transport} connection: each message once and in order, both ways`,
        async ({ device, reach }) => {
          const romeo = await device('romeo')
          const juliet = await device('juliet', { transport, reach })
          for (const one of [romeo, juliet]) await one.available()
          await say(romeo, juliet.bare, lines(0, 10))
          // as many as get out; what is not acknowledged she sends again
          await say(juliet, romeo.jid, lines(100, 110))
          await cut(juliet)
          await say(romeo, juliet.bare, lines(10, 20))
          await say(romeo, juliet.jid, lines(20, 30))
          assert.equal(await comeBack(juliet, reach), 'resumed')
          await say(romeo, juliet.bare, lines(30, 40))
          await say(juliet, romeo.jid, lines(110, 120))
          assert.deepEqual(await hear(juliet, 40), lines(0, 40))
          assert.deepEqual(await hear(romeo, 20), lines(100, 120))
          await settled(romeo, reach)
          await settled(juliet, reach)
          assert.deepEqual([messagesOf(juliet), messagesOf(romeo)], [[], []])
        },
      )
    }

    story('§5: on another pod, where there is one, time after time', async ({ device, reaches }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet', { reach: reaches[0] as Reach })
      await juliet.available()
      for (let n = 1; n <= 4; n++) {
        const from = n * 20
        await say(romeo, juliet.bare, lines(from, from + 7))
        await cut(juliet)
        await say(romeo, juliet.bare, lines(from + 7, from + 14))
        assert.equal(await comeBack(juliet, reaches[n % reaches.length] as Reach), 'resumed')
        await say(romeo, juliet.bare, lines(from + 14, from + 20))
      }
      assert.deepEqual(await hear(juliet, 80), lines(20, 100))
      assert.deepEqual(messagesOf(juliet), [])
    })

    story('§5: an old stream that is still open ends with conflict', async ({ device, reaches }) => {
      const romeo = await device('romeo')
      const old = await device('juliet', { reach: reaches[0] as Reach })
      await old.available()
      const ended = new Promise<{ readonly condition?: string }>((resolve) => old.xmpp.on('error', resolve))
      const young = await device('juliet', { session: sessionOf(old), reach: reaches.at(-1) as Reach })
      assert.equal(young.jid, old.jid)
      assert.equal((await ended).condition, 'conflict')
      await romeo.message(old.bare, 'to the young')
      assert.equal((await young.nextBody()).body, 'to the young')
      assert.deepEqual(messagesOf(old), [])
    })

    story(
      'R5: of two who resume at once one has the session, and hears each message once',
      async ({ device, reaches }) => {
        const romeo = await device('romeo')
        const old = await device('juliet', { reach: reaches[0] as Reach })
        await old.available()
        const session = sessionOf(old)
        await cut(old)
        await say(romeo, old.jid, lines(0, 5))
        const tries = [0, 1].map((n) => device('juliet', { session, reach: reaches[n % reaches.length] as Reach }))
        // Who was resumed first may hear of the conflict at once, before it is looked at
        const both = (await Promise.allSettled(tries)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
        await say(romeo, old.jid, lines(5, 10))
        const has = async (one: Device): Promise<boolean> =>
          one.jid === old.jid &&
          (await settled(one, reaches[0] as Reach).then(
            () => true,
            () => false,
          ))
        const alive: Device[] = []
        for (const one of both) if (await has(one)) alive.push(one)
        const [winner] = alive
        assert.ok(winner !== undefined && alive.length === 1, `${alive.length} have it`)
        // The first may have been sent them too before the second took the session: the client did not say that it has them
        assert.deepEqual(await hear(winner, 10), lines(0, 10))
        assert.deepEqual(messagesOf(winner), [])
      },
    )

    story('§7: contacts do not see that a connection was cut and the session resumed', async ({ device, reaches }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet', { reach: reaches[0] as Reach })
      for (const one of [romeo, juliet]) await one.available()
      await meet(romeo, juliet)
      await cut(juliet)
      await settled(romeo, reaches[0] as Reach)
      assert.equal(await comeBack(juliet, reaches.at(-1) as Reach), 'resumed')
      await juliet.message(romeo.jid, 'here all the time')
      assert.equal((await romeo.nextBody()).body, 'here all the time')
      assert.deepEqual(
        romeo.unread().filter((stanza) => stanza.is('presence') && stanza.attrs['from'] === juliet.jid),
        [],
      )
    })

    story('§4: who acknowledges more than it was sent is told so, and its stream ends', async ({ device }) => {
      const romeo = await device('romeo')
      const ended = new Promise<{ readonly condition?: string; readonly application?: XmppElement }>((resolve) =>
        romeo.xmpp.on('error', resolve),
      )
      await romeo.send(xml('a', { xmlns: sm, h: '1000000' }))
      const { condition, application } = await ended
      assert.equal(condition, 'undefined-condition')
      assert.ok(application?.is('handled-count-too-high', sm))
      assert.equal(application?.attrs['h'], '1000000')
    })
  })
}

/** What becomes of sessions nobody comes back to. Shape: for servers whose `sm.resumeSeconds` is a second or so. */
export function expiryStories(world: () => World): void {
  it('R6: contacts hear unavailable when its time is over, and what it missed waits offline, once and in order', () =>
    play(world(), 'expiry', async ({ device, reaches }) => {
      const romeo = await device('romeo')
      const juliet = await device('juliet')
      for (const one of [romeo, juliet]) await one.available()
      await meet(romeo, juliet)
      await cut(juliet)
      await say(romeo, juliet.bare, lines(0, 5))
      await say(romeo, juliet.jid, lines(5, 8))
      await romeo.next(
        'the end of the session',
        (stanza) => stanza.attrs['from'] === juliet.jid && stanza.attrs['type'] === 'unavailable',
      )
      await say(romeo, juliet.bare, lines(8, 10))
      await settled(romeo, reaches[0] as Reach)
      assert.equal(await comeBack(juliet, reaches.at(-1) as Reach), 'began')
      await juliet.send(xml('presence'))
      const heard: XmppElement[] = []
      while (heard.length < 10) heard.push((await juliet.nextBody()).stanza)
      assert.deepEqual(
        heard.map((stanza) => stanza.getChildText('body')),
        lines(0, 10),
      )
      assert.ok(
        heard.every((stanza) => stanza.getChild('delay', 'urn:xmpp:delay') !== undefined),
        'XEP-0203: with their time',
      )
      await romeo.message(juliet.bare, 'the last')
      assert.equal((await juliet.nextBody()).body, 'the last')
    }))

  it('§5: without a session to go on with, other devices have been given what it missed', () =>
    play(world(), 'elsewhere', async ({ device }) => {
      const romeo = await device('romeo')
      const phone = await device('juliet', { resource: 'phone' })
      const desk = await device('juliet', { resource: 'desk' })
      await phone.available(5)
      await desk.available(1)
      await cut(phone)
      await say(romeo, phone.bare, lines(0, 5))
      assert.deepEqual(await hear(desk, 5), lines(0, 5))
    }))
}
