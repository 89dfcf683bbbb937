import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type Document, defineModule, type QueryCall } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { Fast, fastId, type HeldTokens, type Settled, tokenKind } from './fast.ts'
import { readSlots, writeSlots } from './fast-slots.ts'
import type { FastUse } from './sasl2-request.ts'
import { domain, type FakeIo, fakeIo } from './test-support/fake-io.ts'

const account = `romeo@${domain}` as BareJid
const mechanism = 'HT-SHA-256-NONE'
const dayMs = 86_400_000
const module = defineModule({
  spec: { id: fastId, name: 'x', version: '1', status: 'complete' },
  name: 'fast',
  options: {
    tokenDays: { type: 'int', default: 21, min: 0, unit: 'days', doc: '.' },
    maxClients: { type: 'int', default: 3, min: 1, unit: 'clients', doc: '.' },
  },
})

let fake: FakeIo | undefined
afterEach(() => fake?.close())

/** Tokens on a storage of a test, whose clock is the test's. */
async function begin() {
  const made = await fakeIo({ modules: [module] })
  fake = made
  const documents = new Map<string, Document>()
  const accounts = made.answerWith
  const world = { nowMs: Date.UTC(2026, 0, 1), isStorageUp: true, areCountersOver: false, documents, asked: made.asked }
  made.answerWith = (call: QueryCall) => {
    if (!world.isStorageUp) return { ok: false, error: 'timeout' }
    switch (call.query) {
      case 'document.get':
        return { ok: true, value: documents.get(call.args.name) as never }
      case 'document.list':
        return { ok: true, value: [...documents.values()] as never }
      case 'document.put':
        documents.set(call.args.name, call.args)
        return { ok: true, value: undefined }
      case 'document.remove':
        return { ok: true, value: { isFound: documents.delete(call.args.name) } }
      default:
        return accounts(call)
    }
  }
  const { presence } = made.io
  const addToCounter: typeof presence.addToCounter = (...args) =>
    world.areCountersOver ? Promise.resolve(1) : presence.addToCounter(...args)
  const io = { ...made.io, clock: () => world.nowMs, presence: { ...presence, addToCounter } }
  const secret = { value: Buffer.from('the secret of all pods') }
  const fast = new Fast({ io, secret: () => secret.value })
  const held = async (client: string): Promise<HeldTokens> => {
    const found = await fast.lookUp(account, client, mechanism)
    assert.ok(found !== undefined)
    return found
  }
  const tokens = async (client: string): Promise<readonly string[]> =>
    (await held(client)).candidates.filter(({ isExpired }) => !isExpired).map(({ token }) => token)
  const issue = async (client: string): Promise<string> => {
    const settled = await fast.settle(account, { client, tokenMechanism: mechanism }, undefined)
    assert.ok(settled.ok && settled.issued !== undefined)
    return settled.issued.token
  }
  /** Signs in with a token, as the stream does once the proof was right. */
  const use = async (
    client: string,
    token: string,
    more: Partial<FastUse> & { wants?: string } = {},
  ): Promise<Settled> => {
    const found = await held(client)
    const index = found.candidates.findIndex((one) => one.token === token && !one.isExpired)
    if (index < 0) return { ok: false, condition: 'not-authorized' }
    const { wants, ...fastUse } = more
    const request = {
      client,
      fast: { isInvalidating: false, ...fastUse },
      ...(wants === undefined ? {} : { tokenMechanism: wants }),
    }
    return fast.settle(account, request, { held: found, index })
  }
  return { world, fast, made, secret, held, tokens, issue, use }
}

const isIn = (settled: Settled): boolean => settled.ok

describe('XEP-0484 tokens of a client', () => {
  it('§3.2, §3.3: a token signs its client in, takes a generation (R5), and no token is kept or asked for in clear', async () => {
    const { issue, use, made, world } = await begin()
    const token = await issue('phone')
    assert.match(token, /^[\w-]{43}$/)
    const settled = await use('phone', token)
    assert.deepEqual(settled, { ok: true, generation: 1 })
    const travelled = JSON.stringify(made.asked.map((call) => ({ ...call, body: text(call) })))
    assert.ok(!travelled.includes(token) && world.documents.has('phone'))
    assert.equal(world.documents.get('phone')?.kind, tokenKind)
    assert.ok(!isIn(await use('tablet', token)), 'a token is the one client’s')
  })

  it('§3.4: it serves the mechanism it was made for, and no other', async () => {
    const { issue, fast } = await begin()
    await issue('phone')
    assert.deepEqual((await fast.lookUp(account, 'phone', 'HT-SHA-256-EXPR'))?.candidates, [])
  })

  it('§3.4: counts go up; a count that was used, or a lower one, is refused, and of two at once one', async () => {
    const { issue, use } = await begin()
    const token = await issue('phone')
    const both = await Promise.all([use('phone', token, { count: 1 }), use('phone', token, { count: 1 })])
    assert.deepEqual(both.map(isIn).sort(), [false, true])
    assert.ok(isIn(await use('phone', token, { count: 3 })))
    assert.ok(!isIn(await use('phone', token, { count: 3 })))
    assert.ok(!isIn(await use('phone', token, { count: 2 })))
    assert.ok(isIn(await use('phone', token)))
    assert.ok(isIn(await use('phone', token, { count: 4 })))
  })

  it('§3.4: a count is remembered as long as its token, longer than presence does', async () => {
    const { issue, use, world } = await begin()
    const token = await issue('phone')
    assert.ok(isIn(await use('phone', token, { count: 3 })))
    world.areCountersOver = true
    assert.ok(!isIn(await use('phone', token, { count: 3 })))
    assert.ok(isIn(await use('phone', token, { count: 4 })))
  })

  it('§3.4, R5: a replay takes no generation', async () => {
    const { issue, use } = await begin()
    const token = await issue('phone')
    await use('phone', token, { count: 5 })
    await use('phone', token, { count: 5 })
    assert.deepEqual(await use('phone', token, { count: 6 }), { ok: true, generation: 2 })
  })

  it('§3.5: near its end a token is renewed; the old one is good until the new one is used, then gone', async () => {
    const { issue, use, world, tokens } = await begin()
    const old = await issue('phone')
    world.nowMs += 13 * dayMs
    assert.deepEqual(await use('phone', old), { ok: true, generation: 1 })
    world.nowMs += 2 * dayMs
    const renewed = await use('phone', old)
    assert.ok(renewed.ok && renewed.issued !== undefined)
    assert.equal(renewed.issued.expiresAtMs, world.nowMs + 21 * dayMs)
    assert.ok(isIn(await use('phone', old)), 'the client never got the new one')
    assert.equal((await tokens('phone')).length, 2)
    const again = await use('phone', old)
    assert.ok(again.ok && again.issued !== undefined)
    assert.ok(!isIn(await use('phone', renewed.issued.token)), 'one that was made and not used gives way to the next')
    assert.deepEqual(await use('phone', again.issued.token), { ok: true, generation: 5 })
    assert.ok(!isIn(await use('phone', old)))
    assert.deepEqual(await tokens('phone'), [again.issued.token])
  })

  it('§3.3, §4.2: after its time a token is expired', async () => {
    const { issue, use, world, held } = await begin()
    const token = await issue('phone')
    world.nowMs += 21 * dayMs
    assert.deepEqual((await held('phone')).candidates, [{ token, isExpired: true }])
    assert.ok(!isIn(await use('phone', token)))
  })

  it('§3.6: invalidated at once, renewed only where that was asked for', async () => {
    const { issue, use, world } = await begin()
    const token = await issue('phone')
    world.nowMs += 20 * dayMs
    assert.deepEqual(await use('phone', token, { isInvalidating: true }), { ok: true, generation: 1 })
    assert.ok(!isIn(await use('phone', token)))
    assert.equal(world.documents.size, 0)
    const second = await issue('phone')
    const exchanged = await use('phone', second, { isInvalidating: true, wants: mechanism })
    assert.ok(exchanged.ok && exchanged.issued !== undefined)
    assert.ok(!isIn(await use('phone', second)))
    assert.ok(isIn(await use('phone', exchanged.issued.token)))
  })

  it('a new password ends every token, and so do an end of the account and another secret', async () => {
    const { issue, use, made, secret } = await begin()
    const token = await issue('phone')
    const before = made.answerWith
    const credentials = (value: { readonly credentials: string } | undefined) => {
      made.answerWith = (call) => (call.query === 'account.get' ? { ok: true, value } : before(call))
    }
    credentials({ credentials: 'of the new password' })
    assert.ok(!isIn(await use('phone', token)))
    credentials(undefined)
    assert.ok(!isIn(await use('phone', token)))
    made.answerWith = before
    assert.ok(isIn(await use('phone', token)))
    secret.value = Buffer.from('another')
    assert.ok(!isIn(await use('phone', token)))
  })

  it('R8: an account has tokens for a number of clients; what ended, then what ends first, gives way', async () => {
    const { issue, world, use } = await begin()
    const first = await issue('a')
    for (const client of ['b', 'c']) {
      world.nowMs += dayMs
      await issue(client)
    }
    assert.ok(isIn(await use('a', first)))
    world.nowMs += dayMs
    await issue('d')
    assert.deepEqual([...world.documents.keys()], ['b', 'c', 'd'])
    world.nowMs += 25 * dayMs
    await issue('e')
    assert.deepEqual([...world.documents.keys()], ['e'])
  })

  it('with storage away: no look-up, no token that could not be kept, no use that could not be counted', async () => {
    const { issue, world, fast, held } = await begin()
    await issue('phone')
    const found = await held('phone')
    world.isStorageUp = false
    assert.equal(await fast.lookUp(account, 'phone', mechanism), undefined)
    const request = { client: 'phone', tokenMechanism: mechanism }
    assert.deepEqual(await fast.settle(account, request, undefined), { ok: true })
    const counted = { client: 'phone', fast: { isInvalidating: false, count: 1 } }
    assert.deepEqual(await fast.settle(account, counted, { held: found, index: 0 }), {
      ok: false,
      condition: 'temporary-auth-failure',
    })
  })

  it('slots are read as they were written, and what is none is no token', () => {
    const slot = { nonce: 'n', mechanism, expiresAtMs: 5, count: 1 }
    for (const slots of [{}, { current: slot }, { next: slot }, { current: slot, next: { ...slot, nonce: 'm' } }]) {
      assert.deepEqual(readSlots(writeSlots(slots)), slots)
    }
    for (const body of ['', '[]', 'null', '{"current":{}}', '{"next":{"nonce":1}}', '{"next":7}']) {
      assert.deepEqual(readSlots(Buffer.from(body)), {}, body)
    }
    fc.assert(fc.property(fc.uint8Array(), (body) => typeof readSlots(body) === 'object'))
  })
})

function text(call: QueryCall): string {
  return call.query === 'document.put' ? Buffer.from(call.args.body).toString() : ''
}
