import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sqliteStorage } from '@starling/adapters/sqlite'
import {
  answer,
  ask,
  createRegistry,
  defineModule,
  type Effect,
  type Input,
  type Module,
  type StorageIo,
} from '@starling/core'
import type { BareJid, FullJid, Jid } from '@starling/jid'
import { makeStanza, type Stanza } from '@starling/stanza'
import { archiveId, type Envelope, type InboxName, unpackRecord } from '@starling/wire'
import { xml } from '@starling/xml'
import { createWorker } from './worker.ts'

const romeo = 'romeo@example.net' as BareJid
const juliet = 'juliet@example.net' as BareJid
const orchard = `${romeo}/orchard` as FullJid
const atMs = 1_764_000_000_000

const asking = defineModule({
  spec: { id: 'XEP-0000', name: 'Test', version: '1', status: 'complete' },
  name: 'test',
  storedIq: {
    'get self {test}bodies': (_payload, context) =>
      ask('archive.page', { owner: context.account, direction: 'first', limit: 10 }, (page) =>
        answer(xml('bodies', { xmlns: 'test', count: String(page.rows.length) })),
      ),
    'get self {test}page': (_payload, context, request) => {
      const send = (to: Jid, size: number): Effect => ({ do: 'send', stanza: letter(to, context.account, size) })
      const asker = request.from as FullJid
      const effects = [10, 20, 40_000, 30_000, 70_000, 30].map((size) => send(asker, size))
      return answer(xml('fin', { xmlns: 'test' }), ...effects, send(juliet, 7), send(`${juliet}/x` as FullJid, 8))
    },
    'get self {test}bug': () => {
      throw new TypeError('a bug')
    },
  },
  readsArchive: ['get self {test}bodies'],
})

async function start(modules: readonly Module[] = [], brokers: readonly string[] = []) {
  const storage = sqliteStorage({ file: ':memory:' })
  await storage.migrate()
  await storage.run('account.create', [
    { jid: romeo, credentials: 'r' },
    { jid: juliet, credentials: 'j' },
  ])
  const bugs: unknown[] = []
  const nothing = () => ({ add: () => {}, set: () => {}, observe: () => {} })
  const io = {
    storage,
    registry: createRegistry(modules, {}, { name: 'Starling', version: '0' }),
    domain: 'example.net' as BareJid,
    isServed: (domain: string) => domain === 'example.net',
    settings: { offline: { maxStanzas: 2 }, archive: { retentionDays: 0 }, log: { brokers } },
    random: (bytes: number) => new Uint8Array(bytes),
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (event: unknown) => bugs.push(event) },
    metrics: { counter: nothing, gauge: nothing, histogram: nothing, observed: () => {} },
  } as unknown as StorageIo
  const worker = createWorker(io)
  let offset = 0
  /** Works a batch as the runtime does and returns what goes out, by inbox. */
  const work = async (inbox: InboxName, envelopes: readonly Envelope[], isSaved = true) => {
    const inputs = envelopes.map(
      (envelope, index): Input => ({ place: { inbox, partition: 0, offset, index }, envelope }),
    )
    const done = await worker.work({ inbox, partition: 0, inputs, lastOffset: offset })
    offset += 1
    if (isSaved) await done.save?.()
    return done.outputs.map(({ to, envelope }) => ({ to, envelope }))
  }
  return { storage, work, bugs }
}

function message(id: string, body: string, from: Jid = orchard, to: Jid = juliet): Stanza {
  return makeStanza(xml('message', { type: 'chat', id, from, to }, xml('body', {}, body)))
}

const text = (envelope: Envelope | undefined): string =>
  envelope !== undefined && 'stanza' in envelope ? Buffer.from(envelope.stanza.raw).toString() : ''

describe('storage: the archive', () => {
  it("R9: a message is in both archives, each under the place it has in its owner's inbox", async () => {
    const { storage, work } = await start()
    const stanza = message('1', 'hark')
    await work('routing', [
      { kind: 'deliver', key: juliet, atMs, stanza },
      { kind: 'sent', key: romeo, atMs, stanza },
    ])
    const [toJuliet, ofRomeo] = await storage.run('archive.page', [
      { owner: juliet, direction: 'first', limit: 10 },
      { owner: romeo, direction: 'first', limit: 10 },
    ])
    assert.deepEqual(
      toJuliet?.rows.map(({ id, peer, peerResource }) => [id, peer, peerResource]),
      [[archiveId({ offset: 0, index: 0 }), romeo, 'orchard']],
    )
    assert.deepEqual(
      ofRomeo?.rows.map(({ id, peer }) => [id, peer]),
      [[archiveId({ offset: 0, index: 1 }), juliet]],
    )
    await storage.close()
  })

  it('R3: the same records twice are archived once; what is only repeated to a client is not archived at all', async () => {
    const { storage, work } = await start()
    const stanza = message('1', 'hark')
    const envelope: Envelope = { kind: 'deliver', key: juliet, atMs, stanza }
    await work('routing', [envelope, { ...envelope, head: { isReplay: true } }])
    const count = async () =>
      (await storage.run('archive.page', [{ owner: juliet, direction: 'first', limit: 10 }]))[0]?.rows.length
    assert.equal(await count(), 1)
    await storage.close()
  })

  it('a module may refuse to archive; a request among the messages sees those before it', async () => {
    const refusing = defineModule({
      spec: { id: 'XEP-0001', name: 'Refusing', version: '1', status: 'complete' },
      name: 'refusing',
      on: { 'archive.store': { guard: (stanza) => ({ verdict: stanza.id === 'no' ? 'stop' : 'pass', effects: [] }) } },
    })
    const { storage, work } = await start([asking, refusing])
    const request = makeStanza(
      xml('iq', { type: 'get', id: 'q', from: orchard, to: romeo }, xml('bodies', { xmlns: 'test' })),
    )
    const out = await work('routing', [
      { kind: 'sent', key: romeo, atMs, stanza: message('yes', 'hark') },
      { kind: 'sent', key: romeo, atMs, stanza: message('no', 'hush') },
      { kind: 'request', key: romeo, atMs, stanza: request, head: { scope: 'self', isAvailable: true, slices: {} } },
    ])
    assert.deepEqual(
      out.map(({ to, envelope }) => [to, envelope.kind, envelope.key]),
      [['routing', 'deliver', romeo]],
    )
    assert.match(text(out[0]?.envelope), /type='result'.*count='1'/)
    await storage.close()
  })
})

describe('storage: a page for one resource (XEP-0313 §4.2)', () => {
  it('travels together, in its order, up to 64 KiB; a larger stanza alone; the answer behind it', async () => {
    const { storage, work } = await start([asking])
    const stanza = makeStanza(
      xml('iq', { type: 'get', id: 'q', from: orchard, to: romeo }, xml('page', { xmlns: 'test' })),
    )
    const head = { scope: 'self', isAvailable: true, slices: {} } as const
    const out = await work('routing', [{ kind: 'request', key: romeo, atMs, stanza, head }])
    assert.deepEqual(
      out.map(({ to, envelope }) => `${to} ${envelope.kind} ${envelope.key} ${bodySizes(envelope)}`),
      [
        `routing bundle ${romeo} orchard 10 20 40000`,
        `routing bundle ${romeo} orchard 30000`,
        `routing bundle ${romeo} orchard 70000`,
        `routing bundle ${romeo} orchard 30`,
        `routing deliver ${juliet} 7`,
        `routing bundle ${juliet} x 8`,
        `routing deliver ${romeo} fin`,
      ],
    )
    await storage.close()
  })

  it('travels stanza by stanza in a cluster, where the version before may read it: for that resource alone', async () => {
    const { storage, work } = await start([asking], ['127.0.0.1:9'])
    const stanza = makeStanza(
      xml('iq', { type: 'get', id: 'q', from: orchard, to: romeo }, xml('page', { xmlns: 'test' })),
    )
    const head = { scope: 'self', isAvailable: true, slices: {} } as const
    const out = await work('routing', [{ kind: 'request', key: romeo, atMs, stanza, head }])
    assert.deepEqual(
      out.map(({ envelope }) => `${envelope.kind} ${bodySizes(envelope)}`),
      [10, 20, 40_000, 30_000, 70_000, 30, 7, 8, 'fin'].map((size) => `deliver ${size}`),
    )
    const heads = out.map(({ envelope }) => (envelope.kind === 'deliver' ? envelope.head?.resource : 'none'))
    assert.deepEqual(heads, [
      'orchard',
      'orchard',
      'orchard',
      'orchard',
      'orchard',
      'orchard',
      undefined,
      'x',
      undefined,
    ])
    await storage.close()
  })
})

/** Sizes of the bodies that an envelope of routing's inbox brings, and for which resource. */
function bodySizes(envelope: Envelope): string {
  const size = (raw: Uint8Array): string => {
    const body = /<body>(x+)</.exec(Buffer.from(raw).toString())?.[1]
    return body === undefined ? 'fin' : `${body.length}`
  }
  if (envelope.kind === 'deliver') return size(envelope.stanza.raw)
  if (envelope.kind !== 'bundle') return ''
  const stanzas = unpackRecord(envelope.raw)
  return `${envelope.head.resource} ${stanzas.ok ? stanzas.value.map(size).join(' ') : stanzas.error}`
}

function letter(to: Jid, from: Jid, size: number): Stanza {
  return makeStanza(xml('message', { to, from }, xml('body', {}, 'x'.repeat(size))))
}

describe('storage: questions and writes', () => {
  it('a load comes back with the roster, the slices and the envelope that waits', async () => {
    const { storage, work } = await start()
    await storage.run('document.put', [
      { owner: romeo, kind: 'slice', name: 'XEP-0191', body: Buffer.from('["eve@example.net"]') },
    ])
    const carried = new Uint8Array([1, 2, 3])
    const call = { query: 'load', args: { owner: romeo } }
    const out = await work('storage', [
      { kind: 'ask', key: romeo, atMs, head: { call, reply: { to: 'session' } }, carried },
    ])
    const loaded = out[0]?.envelope
    assert.ok(loaded?.kind === 'loaded' && out[0]?.to === 'session')
    assert.deepEqual(loaded.carried, carried)
    const head = loaded.head as { exists: boolean; slices: unknown; roster: { items: unknown[] } }
    assert.deepEqual([head.exists, head.slices, head.roster.items], [true, { 'XEP-0191': ['eve@example.net'] }, []])
    await storage.close()
  })

  it('under one key a read sees the write before it, in the same batch; a pod gets its answer', async () => {
    const { storage, work } = await start()
    const target = { slot: 3, epoch: 9, connection: 0 }
    const document = { owner: romeo, kind: 'vcard', name: '' }
    const out = await work('storage', [
      {
        kind: 'write',
        key: romeo,
        atMs,
        head: { query: 'document.put', args: { ...document, body: Buffer.from('x') } },
      },
      {
        kind: 'ask',
        key: romeo,
        atMs,
        head: { call: { query: 'document.get', args: document }, reply: { to: 'pod', target, question: 5 } },
      },
    ])
    const reply = out[0]?.envelope
    assert.ok(reply?.kind === 'answer' && out[0]?.to === 'pod' && 'result' in reply.head)
    assert.equal(reply.head.question, 5)
    assert.deepEqual(reply.target, target)
    assert.equal(Buffer.from((reply.head.result as { body: Uint8Array }).body).toString(), 'x')
    await storage.close()
  })

  it('when an account is deleted its session stage is told', async () => {
    const { storage, work } = await start()
    const write: Envelope = { kind: 'write', key: romeo, atMs, head: { query: 'account.delete', args: { jid: romeo } } }
    const out = await work('storage', [write, write])
    assert.deepEqual(
      out.map(({ to, envelope }) => [to, envelope.kind, envelope.key]),
      [['session', 'accountChanged', romeo]],
    )
    await storage.close()
  })

  it('R10: a bug in a handler answers internal-server-error, and the rest of the batch goes on', async () => {
    const { storage, work, bugs } = await start([asking])
    const request = (name: string): Envelope => ({
      kind: 'request',
      key: romeo,
      atMs,
      stanza: makeStanza(xml('iq', { type: 'get', id: name, from: orchard, to: romeo }, xml(name, { xmlns: 'test' }))),
      head: { scope: 'self', isAvailable: true, slices: {} },
    })
    const out = await work('storage', [request('bug'), request('bodies'), request('nobody-knows')])
    assert.deepEqual(
      out.map(({ envelope }) => /internal-server-error|service-unavailable|type='result'/.exec(text(envelope))?.[0]),
      ['internal-server-error', "type='result'", 'service-unavailable'],
    )
    assert.equal(bugs.length, 1)
    await storage.close()
  })
})

describe('XEP-0160 offline messages', () => {
  const offline = (id: string, key = juliet): Envelope => ({
    kind: 'offline',
    key,
    atMs,
    stanza: message(id, `body ${id}`),
    head: { id },
  })
  const flush: Envelope = { kind: 'flush', key: juliet, atMs, head: { resource: 'balcony' } }

  it('§2: kept until a resource comes, sent oldest first and marked with their time (XEP-0203), then forgotten', async () => {
    const { storage, work } = await start()
    assert.deepEqual(await work('storage', [offline('1'), offline('2')]), [])
    const out = await work('storage', [flush])
    assert.deepEqual(
      out.map(({ to, envelope }) => [to, envelope.kind, envelope.key]),
      [
        ['routing', 'deliver', juliet],
        ['routing', 'deliver', juliet],
      ],
    )
    assert.match(text(out[0]?.envelope), /body 1.*<delay .*from='example\.net'.*stamp='2025-11-24T/)
    assert.match(text(out[1]?.envelope), /body 2/)
    assert.deepEqual(await work('storage', [flush]), [])
    await storage.close()
  })

  it('R2: until what was sent is durable nothing is forgotten; two resources at once do not get it twice', async () => {
    const { storage, work } = await start()
    await work('storage', [offline('1')])
    const isSaved = false // as if the pod died between publishing and saving
    assert.equal((await work('storage', [flush, flush], isSaved)).length, 1)
    assert.equal((await work('storage', [flush])).length, 1)
    assert.equal((await work('storage', [flush])).length, 0)
    await storage.close()
  })

  it('R6: a redelivered one, which stands before what is being sent, is not forgotten with it', async () => {
    const { storage, work } = await start()
    await work('storage', [offline('5')])
    const out = await work('storage', [flush, offline('3')])
    assert.deepEqual(
      out.map(({ envelope }) => /body \d/.exec(text(envelope))?.[0]),
      ['body 5'],
    )
    assert.match(text((await work('storage', [flush]))[0]?.envelope), /body 3/)
    await storage.close()
  })

  it('R3: a flush that is repeated finds no more than it found: what was kept after it was asked for waits', async () => {
    const { storage, work } = await start()
    const asked = (offset: number): Envelope => ({ ...flush, cause: { inbox: 2, partition: 0, offset, index: 0 } })
    const id = (offset: number): string => archiveId({ offset, index: 0 })
    await work('storage', [offline(id(5))])
    assert.equal((await work('storage', [asked(7)])).length, 1)
    await work('storage', [offline(id(8))])
    assert.equal((await work('storage', [asked(7)])).length, 0)
    assert.equal((await work('storage', [offline(id(5)), asked(9)])).length, 1, 'what was removed does not come back')
    await storage.close()
  })

  it('R6: added twice under one id it is kept once', async () => {
    const { storage, work } = await start()
    await work('storage', [offline('1')])
    await work('storage', [offline('1')])
    assert.equal((await work('storage', [flush])).length, 1)
    await storage.close()
  })

  it('R7: routing records that concern no message change nothing here', async () => {
    const { storage, work } = await start()
    const state: Envelope = { kind: 'state', key: juliet, atMs, head: { change: 'settings', slices: {} } }
    assert.deepEqual(await work('routing', [{ kind: 'podDied', key: '', atMs, slot: 1, epoch: 2 }, state]), [])
    await storage.close()
  })

  it('§2, RFC 6121 §8.5.1: a full store and an account that does not exist answer service-unavailable to the sender', async () => {
    const { storage, work } = await start()
    const nobody = offline('9', 'nobody@example.net' as BareJid)
    const out = await work('storage', [offline('1'), offline('2'), offline('3'), nobody])
    assert.deepEqual(
      out.map(({ envelope }) => [envelope.key, /service-unavailable/.test(text(envelope))]),
      [
        [romeo, true],
        [romeo, true],
      ],
    )
    await storage.close()
  })
})
