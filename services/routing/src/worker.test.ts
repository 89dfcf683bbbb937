import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import { createRegistry, defineModule, type Input, type Io, type Module } from '@starling/core'
import type { BareJid, FullJid, Jid } from '@starling/jid'
import { makeStanza, type Stanza } from '@starling/stanza'
import { archiveId, type Envelope, type StateChange, type Target } from '@starling/wire'
import { xml } from '@starling/xml'
import { createWorker } from './worker.ts'

const juliet = 'juliet@example.net' as BareJid
const romeo = 'romeo@example.net' as BareJid
const atMs = 1_764_000_000_000

/** Routing on presence in memory, with pods that live or not. */
async function start(modules: readonly Module[] = []) {
  const presence = memoryPresence({ clock: () => 0 })
  const targets: Target[] = []
  for (const pod of ['a', 'b']) {
    const lease = await presence.leaseSlot(pod, 4, 5_000)
    assert.ok(lease)
    const epoch = 1_000 + lease.slot
    await presence.extendSlot({ ...lease, epoch }, 5_000)
    targets.push({ slot: lease.slot, epoch, connection: 7 })
  }
  const [first, second] = targets
  assert.ok(first && second)
  const bugs: unknown[] = []
  const nothing = () => ({ add: () => {}, set: () => {}, observe: () => {} })
  const io = {
    presence,
    registry: createRegistry(modules, {}, { name: 'Starling', version: '0' }),
    domain: 'example.net' as BareJid,
    isServed: (domain: string) => domain === 'example.net',
    settings: { sm: { maxUnackedStanzas: 5_000 } },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (event: unknown) => bugs.push(event) },
    metrics: { counter: nothing, gauge: nothing, histogram: nothing, observed: () => {} },
  } as unknown as Io
  const worker = createWorker(io)
  let offset = 0
  /** Works a batch as the runtime does; `at` works an earlier one again. */
  const work = async (envelopes: readonly Envelope[], at = offset, isSaved = true) => {
    const inputs = envelopes.map(
      (envelope, index): Input => ({ place: { inbox: 'routing', partition: 0, offset: at, index }, envelope }),
    )
    const done = await worker.work({ inbox: 'routing', partition: 0, inputs, lastOffset: at })
    offset = Math.max(offset, at + 1)
    if (isSaved) await done.save?.()
    return done.outputs.map(({ envelope, to }) => ({ to, envelope }))
  }
  const state = (head: StateChange): Envelope => ({ kind: 'state', key: juliet, atMs, head })
  const bound = (resource: string, target: Target): Envelope =>
    state({ change: 'bound', resource, target, reply: Buffer.from(`<iq id='${resource}'/>`) })
  const available = (resource: string, priority = 0): Envelope =>
    state({ change: 'updated', resource, isAvailable: true, priority, slices: {} })
  return { presence, first, second, work, state, bound, available, bugs }
}

function message(body: string, to: Jid = juliet): Stanza {
  const from = `${romeo}/orchard` as FullJid
  return makeStanza(xml('message', { type: 'chat', id: 'm', from, to }, xml('body', {}, body)))
}

const deliver = (body: string, to?: Jid): Envelope => ({
  kind: 'deliver',
  key: juliet,
  atMs,
  stanza: message(body, to),
})

/** Where an output goes and what it is, in one line. */
function told({ to, envelope }: { readonly to: string; readonly envelope: Envelope }): string {
  switch (envelope.kind) {
    case 'output':
      return `${to} ${envelope.slot} ${envelope.recipients.map(({ connection, to: jid }) => `${connection}${jid && `=${jid}`}`)} ${/<body>(.*)<\/body>|<(presence|iq)/.exec(Buffer.from(envelope.raw).toString())?.slice(1).join('')}`
    case 'deliver':
      return `${to} ${envelope.key} ${/<error.*?<([a-z-]+)/.exec(Buffer.from(envelope.stanza.raw).toString())?.[1] ?? ''}`
    case 'bound':
    case 'close':
      return `${to} ${envelope.kind} ${envelope.target.connection}`
    default:
      return `${to} ${envelope.kind} ${envelope.key}`
  }
}

describe('routing: sessions, learnt from its own inbox alone (R5)', () => {
  it('a binding tells the pod; from then on messages reach that connection', async () => {
    const { first, work, bound, available } = await start()
    const outputs = await work([bound('balcony', first), available('balcony'), deliver('hark')])
    assert.deepEqual(outputs.map(told), ['pod bound 7', `storage flush ${juliet}`, `pod ${first.slot} 7 hark`])
    assert.deepEqual((await work([deliver('again')])).map(told), [`pod ${first.slot} 7 again`])
  })

  it('XEP-0160 §2: offline messages are asked for when a resource begins to take messages, not at every presence', async () => {
    const { first, work, bound, available } = await start()
    const outputs = await work([
      bound('balcony', first),
      available('balcony', -1),
      available('balcony', 1),
      available('balcony', 2),
    ])
    assert.deepEqual(outputs.map(told), ['pod bound 7', `storage flush ${juliet}`])
  })

  it('R7: sessions of a pod whose death is in the log are dead from there on, without a write for each', async () => {
    const { first, second, work, bound, available } = await start()
    const died = ({ slot, epoch }: Target): Envelope => ({ kind: 'podDied', key: '', atMs, slot, epoch })
    await work([bound('balcony', first), available('balcony', 5), bound('chamber', second), available('chamber', 1)])
    assert.deepEqual((await work([deliver('before'), died(first), deliver('after')])).map(told), [
      `pod ${first.slot} 7 before`,
      `pod ${second.slot} 7 after`,
    ])
    assert.deepEqual((await work([deliver('hark')])).map(told), [`pod ${second.slot} 7 hark`])
    await work([died(second)])
    assert.deepEqual((await work([deliver('nobody')])).map(told), [`storage offline ${juliet}`])
  })

  it('R7: another life of the same slot is not concerned', async () => {
    const { first, work, bound, available } = await start()
    await work([{ kind: 'podDied', key: '', atMs, slot: first.slot, epoch: first.epoch - 1 }])
    await work([bound('balcony', first), available('balcony')])
    assert.deepEqual((await work([deliver('hark')])).map(told), [`pod ${first.slot} 7 hark`])
  })

  it('the end of an older connection does not end the newer one of the same resource', async () => {
    const { first, second, work, state, bound, available } = await start()
    await work([bound('balcony', first), bound('balcony', second), available('balcony')])
    const outputs = await work([
      state({ change: 'kicked', target: first, condition: 'conflict', text: '' }),
      state({ change: 'ended', resource: 'balcony', target: first }),
      deliver('still here'),
    ])
    assert.deepEqual(outputs.map(told), ['pod close 7', `pod ${second.slot} 7 still here`])
  })

  it('with the last session everything of the account goes, the mark aside', async () => {
    const { presence, first, work, state, bound } = await start()
    await work([state({ change: 'settings', slices: { 'XEP-0191': ['x@y'] } }), bound('balcony', first)])
    const fields = async () => [...((await presence.readStates('routing', [juliet]))[0]?.fields.keys() ?? [])].sort()
    assert.deepEqual(await fields(), ['@', 's:balcony'])
    await work([state({ change: 'ended', resource: 'balcony', target: first })])
    assert.deepEqual(await fields(), [])
  })
})

describe('routing: the same records again', () => {
  it('R4: what was saved is not done again: it was published before', async () => {
    const { first, second, work, state, bound, available } = await start()
    await work([bound('balcony', first), available('balcony')], 0)
    await work(
      [state({ change: 'ended', resource: 'balcony', target: first }), bound('balcony', second), available('balcony')],
      1,
    )
    const again = await work([bound('balcony', first), available('balcony')], 0)
    assert.deepEqual(again.map(told), [])
    assert.deepEqual(
      (await work([deliver('hark')], 2)).map(told),
      [`pod ${second.slot} 7 hark`],
      'the newer one stands',
    )
  })

  it('R2: a batch that died before its save comes to the same', async () => {
    const { first, work, bound, available } = await start()
    const batch = [bound('balcony', first), available('balcony'), deliver('hark')]
    const once = await work(batch, 0, false)
    assert.deepEqual((await work(batch, 0)).map(told), once.map(told))
  })
})

describe('routing: what becomes of stanzas', () => {
  it('RFC 6121 §8.5.3.2.1: what cannot be delivered is answered to the sender', async () => {
    const { work } = await start()
    const stanza = { ...message('lost', `${juliet}/gone` as FullJid), type: 'normal' }
    const outputs = await work([{ kind: 'deliver', key: juliet, atMs, stanza }])
    assert.deepEqual(outputs.map(told), [`routing ${romeo} service-unavailable`])
  })

  it('a guard stops a stanza, with or without an error', async () => {
    const guard = defineModule({
      spec: { id: 'XEP-0000', name: 'Guard', version: '1', status: 'complete' },
      name: 'guard',
      on: {
        'routing.deliver': {
          guard: (stanza) =>
            stanza.kind === 'message'
              ? { verdict: 'stop', effects: [], error: { condition: 'forbidden', type: 'auth' } }
              : { verdict: 'stop', effects: [] },
        },
      },
    })
    const { first, work, bound, available } = await start([guard])
    await work([bound('balcony', first), available('balcony')])
    const presence = makeStanza(xml('presence', { from: `${romeo}/orchard` }))
    const outputs = await work([deliver('no'), { kind: 'cast', key: '', atMs, keys: [juliet], stanza: presence }])
    assert.deepEqual(outputs.map(told), [`routing ${romeo} forbidden`])
  })

  it('a broadcast goes once to each pod, every receiver named', async () => {
    const { first, second, work, bound, available } = await start()
    const other = { ...first, connection: 8 }
    await work([bound('balcony', first), bound('chamber', second), bound('garden', other)])
    await work([available('balcony'), available('chamber', -1), available('garden')])
    const stanza = makeStanza(xml('presence', { from: `${romeo}/orchard` }))
    const outputs = await work([{ kind: 'cast', key: '', atMs, keys: [juliet, romeo], stanza }])
    assert.deepEqual(outputs.map(told).sort(), [
      `pod ${first.slot} 7=${juliet},8=${juliet} presence`,
      `pod ${second.slot} 7=${juliet} presence`,
    ])
  })

  it('a stamp changes what is delivered and kept; copies go where a module says; offline ids are those of the archive', async () => {
    const module = defineModule({
      spec: { id: 'XEP-0000', name: 'Stamp', version: '1', status: 'complete' },
      name: 'stamp',
      on: {
        'routing.deliver': {
          stamp: (stanza) => ({
            verdict: 'change',
            stanza: { ...stanza, raw: Buffer.from('<message><body>stamped</body></message>') },
            effects: [],
          }),
          copy: (stanza, context) => ({
            verdict: 'pass',
            effects: context.sessions
              .filter(({ resource }) => !context.chosen.includes(resource))
              .map(({ resource }) => ({ do: 'deliver', resource, stanza })),
          }),
        },
      },
    })
    const { first, second, work, bound, available } = await start([module])
    const kept = await work([deliver('offline')], 0)
    assert.deepEqual(
      kept.map(({ envelope }) => envelope.kind === 'offline' && envelope.head.id),
      [archiveId({ offset: 0, index: 0 })],
    )
    await work([bound('low', first), available('low', 1), bound('high', second), available('high', 2)])
    assert.deepEqual((await work([deliver('hark')])).map(told), [
      `pod ${second.slot} 7 stamped`,
      `pod ${first.slot} 7 stamped`,
    ])
  })

  it('R10: a module that throws loses its own envelope alone, loudly, and the sender is told', async () => {
    const broken = defineModule({
      spec: { id: 'XEP-0000', name: 'Broken', version: '1', status: 'complete' },
      name: 'broken',
      on: {
        'routing.deliver': {
          guard: (stanza) => {
            if (Buffer.from(stanza.raw).includes('poison')) throw new TypeError('a bug')
            return { verdict: 'pass', effects: [] }
          },
        },
      },
    })
    const { first, work, bound, available, bugs } = await start([broken])
    await work([bound('balcony', first), available('balcony')])
    assert.deepEqual((await work([deliver('poison'), deliver('good')])).map(told), [
      `routing ${romeo} internal-server-error`,
      `pod ${first.slot} 7 good`,
    ])
    assert.equal(bugs.length, 1)
  })
})
