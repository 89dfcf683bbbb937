import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Batch, defineModule, keptAtMark, pass, stop } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import type { Bind, Envelope } from '@starling/wire'
import { withSession } from './account.ts'
import { readAccount } from './account-codec.ts'
import { saveOf } from './decisions.ts'
import { advance, entryOf } from './entry.ts'
import { blankItem } from './roster.ts'
import { rosterCache } from './roster-cache.ts'
import { rosterCodec } from './roster-codec.ts'
import { stanzaOf } from './testing/client.ts'
import { fakeIo, fakePresence } from './testing/io.ts'
import { createWorld } from './testing/world.ts'
import { createWorker } from './worker.ts'

const romeo = 'romeo@example.org' as BareJid
const bind: Bind = {
  kind: 'bind',
  key: romeo,
  atMs: 1,
  target: { slot: 1, epoch: 1, connection: 1 },
  head: { resource: 'orchard', iqId: 'b', generation: 1, lang: '' },
}

function batch(offset: number, ...envelopes: readonly Envelope[]): Batch {
  const inputs = envelopes.map((envelope, index) => ({
    place: { inbox: 'session', partition: 3, offset, index } as const,
    envelope,
  }))
  return { inbox: 'session', partition: 3, inputs, lastOffset: offset }
}

describe('R3 marks', () => {
  it('an input at or below the saved mark is skipped, and what was saved stands', async () => {
    const presence = fakePresence()
    const worker = createWorker(fakeIo({ presence: presence.port }))
    const first = await worker.work(batch(5, bind))
    assert.equal(first.outputs.length, 1)
    await first.save?.()
    assert.deepEqual((await worker.work(batch(5, bind))).outputs, [])
    assert.deepEqual((await worker.work(batch(4, bind))).outputs, [])
    assert.equal((await worker.work(batch(6, bind))).outputs.length, 1)
    assert.equal(presence.states.get(romeo)?.mark, 5)
  })

  it('a save that is refused (another owner is ahead) is no error', async () => {
    const presence = fakePresence()
    const worker = createWorker(fakeIo({ presence: presence.port }))
    const work = await worker.work(batch(5, bind))
    presence.states.set(romeo, { mark: 9, fields: new Map() })
    await work.save?.()
    assert.equal(presence.states.get(romeo)?.mark, 9)
  })

  it('a save names what came and went in its batch: another owner may have saved it in between', () => {
    const entry = entryOf(romeo, { mark: -1, fields: new Map() }, { decode: readAccount, kept: keptAtMark(1) })
    const { head, target } = bind
    const session = { ...head, target, count: 0, isInterested: false, presence: undefined, slices: {}, directed: [] }
    const before = entry.account
    const bound = withSession(before, { ...session, sm: undefined })
    for (const [offset, account] of [bound, before].entries()) {
      advance(entry, offset, { fate: 'handled', drafts: [], account, roster: undefined })
    }
    assert.deepEqual(saveOf(entry, 1, rosterCodec())?.remove.toSorted(), ['@', 'p:orchard', 'r:orchard'])
  })

  it('a probe of many accounts in one envelope reaches each of them', async () => {
    const world = createWorld(['romeo', 'juliet', 'nurse'])
    for (const name of ['juliet', 'nurse']) {
      const client = await world.connect(name, 'home')
      await client.send('<presence/>')
    }
    world.published.length = 0
    const stanza = stanzaOf("<presence type='probe'/>", 'romeo@example.org/orchard' as FullJid)
    world.append({ kind: 'cast', key: romeo, atMs: 1, keys: ['juliet@example.org', 'nurse@example.org'], stanza })
    await world.run()
    const answered = world.published.flatMap(({ envelope }) => (envelope.kind === 'deliver' ? [envelope.stanza] : []))
    assert.deepEqual(
      answered.map(({ from, type }) => `${from} ${type}`),
      ['juliet@example.org unsubscribed', 'nurse@example.org unsubscribed'],
    )
  })

  it('an envelope of another inbox is logged and does nothing', async () => {
    const errors: unknown[] = []
    const worker = createWorker(fakeIo({ presence: fakePresence().port, errors }))
    const { outputs } = await worker.work(batch(1, { kind: 'flush', key: romeo, atMs: 1, head: { resource: 'x' } }))
    assert.deepEqual(outputs, [])
    assert.equal(errors.length, 1)
  })
})

describe('what an owner remembers', () => {
  it('R3: decides nothing: an owner that dies after it published, and the next, who knows no roster, say everything once', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const client = await world.connect('romeo', 'orchard')
    await client.send('<presence/>')
    world.published.length = 0
    client.queue('<presence><show>away</show></presence>')
    client.queue("<message to='juliet@example.org' id='m1'><body>hi</body></message>")
    world.crashAfter = Number.POSITIVE_INFINITY
    await world.run()
    const messages = world.published.filter(
      ({ envelope }) => envelope.kind === 'deliver' && envelope.stanza.id === 'm1',
    )
    assert.equal(messages.length, 1)
  })
})

describe('R3 decisions', () => {
  it('messages cost none; a presence costs one call, and nothing of it is left once it is saved', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const client = await world.connect('romeo', 'orchard')
    const { calls, states } = world.presence
    const decisions = async (xml: string): Promise<number> => {
      const before = calls.get('decideStates') ?? 0
      await client.send(xml)
      assert.equal(states.get(romeo)?.decision, undefined)
      return (calls.get('decideStates') ?? 0) - before
    }
    assert.equal(await decisions("<message to='juliet@example.org'/>"), 0)
    assert.equal(await decisions('<presence/>'), 1)
  })

  it('an owner that must ask decides that first; the next one asks too, and it ends with the save', async () => {
    const world = createWorld(['romeo', 'juliet'])
    const client = await world.connect('romeo', 'orchard')
    await client.send('<presence/>')
    world.takeOver()
    world.published.length = 0
    client.queue('<presence><show>away</show></presence>')
    // decided, and dead
    world.crashAfter = 1
    await world.step()
    assert.equal(states(world)?.decision?.bytes.length, 0)
    await world.run()
    const asked = world.published.filter(({ to, envelope }) => to === 'storage' && envelope.kind === 'ask')
    assert.equal(asked.length, 1)
    assert.equal(states(world)?.decision, undefined)
  })
})

const states = (world: ReturnType<typeof createWorld>) => world.presence.states.get(romeo)

describe('the rosters in memory', () => {
  const roster = { version: '1', items: new Map() }
  const jid = (name: string): BareJid => `${name}@example.org` as BareJid
  const kept = { partition: 0, mark: 7, roster }

  it('when full, the one longest unused goes', () => {
    let evicted = 0
    const cache = rosterCache(2, () => {
      evicted += 1
    })
    cache.put(jid('a'), kept)
    cache.put(jid('b'), kept)
    cache.get(jid('a'), 7)
    cache.put(jid('c'), kept)
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => cache.get(jid(name), 7) !== undefined),
      [true, false, true],
    )
    assert.equal(evicted, 1)
  })

  it('go with their partition', () => {
    const cache = rosterCache(0, () => {})
    cache.put(jid('a'), kept)
    cache.put(jid('b'), { ...kept, partition: 1 })
    cache.forgetPartition(0)
    assert.equal(cache.get(jid('a'), 7), undefined)
    assert.equal(cache.get(jid('b'), 7), roster)
  })

  it('R3: are of use only with the state they were saved with: another owner may have been there', () => {
    const cache = rosterCache(0, () => {})
    cache.put(jid('a'), kept)
    assert.equal(cache.get(jid('a'), 8), undefined)
    assert.equal(cache.get(jid('a'), 7), undefined)
    assert.equal(cache.size(), 0)
  })

  it('R11: a state that presence took back is worked again with the roster of that time, and what came after is forgotten', () => {
    const cache = rosterCache(0, () => {})
    const later = { ...roster, version: '2' }
    for (const mark of [7, 9]) cache.put(jid('a'), { ...kept, mark })
    cache.put(jid('a'), { ...kept, mark: 11, roster: later })
    assert.equal(cache.get(jid('a'), 11), later)
    assert.equal(cache.get(jid('a'), 8), roster)
    assert.equal(cache.get(jid('a'), 11), undefined)
  })

  it('evicted ones are fetched again, and nothing else changes', async () => {
    const world = createWorld(['romeo', 'juliet'], { limits: { maxRosters: 1 } })
    const get = "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>"
    const clients = [await world.connect('romeo', 'orchard'), await world.connect('juliet', 'balcony')]
    for (const client of [...clients, ...clients]) {
      client.heard()
      await client.send(get)
      assert.equal(client.heard().length, 1)
    }
  })
})

describe('guards and presence', () => {
  it('XEP-0191 §3.2: a broadcast passes over contacts that a guard stops, and over nobody else', async () => {
    const blocking = defineModule({
      spec: { id: 'XEP-9999', name: 'Test', version: '1', status: 'complete' },
      name: 'test',
      on: { 'session.sent': { guard: (stanza) => (stanza.to === 'tybalt@example.org' ? stop() : pass()) } },
    })
    const world = createWorld(['romeo'], { modules: [blocking] })
    const items = ['juliet', 'tybalt'].map((name) => ({
      ...blankItem(`${name}@example.org` as BareJid),
      subscription: 'both' as const,
      isListed: true,
    }))
    world.storage.rosters.set(romeo, { version: '', items })
    const client = await world.connect('romeo', 'orchard')
    await client.send('<presence/>')
    const casts = world.published.flatMap(({ to, envelope }) => (envelope.kind === 'cast' ? [[to, envelope.keys]] : []))
    assert.deepEqual(casts, [
      ['routing', ['juliet@example.org']],
      ['session', ['juliet@example.org']],
    ])
  })

  it('XEP-0191 §3.3: showPresence reaches only who may see it: a contact, or every contact of a domain', async () => {
    const shows = defineModule({
      spec: { id: 'XEP-9999', name: 'Test', version: '1', status: 'complete' },
      name: 'test',
      iq: {
        'set self {x}q': (payload) => ({
          ok: true,
          effects: [{ do: 'showPresence', to: payload.attrs['to'] as FullJid, as: 'unavailable' }],
        }),
      },
    })
    const world = createWorld(['romeo'], { modules: [shows] })
    const items = ['juliet', 'nurse'].map((name) => ({
      ...blankItem(`${name}@example.org` as BareJid),
      subscription: 'from' as const,
      isListed: true,
    }))
    world.storage.rosters.set(romeo, { version: '', items })
    const client = await world.connect('romeo', 'orchard')
    await client.send('<presence/>')
    world.takeOver()
    const shown: unknown[] = []
    for (const to of ['juliet@example.org', 'juliet@example.org/x', 'tybalt@example.org', 'example.org']) {
      world.published.length = 0
      await client.send(`<iq type='set' id='1'><q xmlns='x' to='${to}'/></iq>`)
      shown.push(
        world.published.flatMap(({ envelope }) =>
          envelope.kind === 'deliver' && envelope.stanza.kind === 'presence' ? [envelope.stanza.to] : [],
        ),
      )
      assert.match(client.heard().at(-1) ?? '', /type='result'/)
    }
    assert.deepEqual(shown, [
      ['juliet@example.org'],
      ['juliet@example.org/x'],
      [],
      ['juliet@example.org', 'nurse@example.org'],
    ])
  })
})
