import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bindRequest, type TestClient } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { type Harness, useHarness } from './test-support/harness.ts'

const start = useHarness()
const life = { slot: 3, epoch: 17 }

const contents = ({ fake }: Harness): Promise<readonly string[]> => fake.io.presence.readRoll(life, 100)

/** Waits until the roll is as claimed. */
async function rolled(harness: Harness, count: number): Promise<void> {
  while ((await contents(harness)).length !== count) await new Promise(setImmediate)
}

/** A client signed in, without a resource yet. */
async function signedIn(harness: Harness): Promise<TestClient> {
  const client = await harness.plain()
  await client.startTls()
  await client.open()
  await client.scram('romeo', 'secret')
  await client.open()
  return client
}

/** Holds enlistments until they are let go. */
function hold({ fake }: Harness): { readonly held: (() => void)[]; isAway: boolean } {
  const { enlist } = fake.io.presence
  const state = { held: [] as (() => void)[], isAway: false }
  Object.assign(fake.io.presence, {
    enlist: async (...args: Parameters<typeof enlist>) => {
      await new Promise<void>((resolve) => state.held.push(resolve))
      if (state.isAway) throw new Error('away')
      return enlist(...args)
    },
  })
  return state
}

describe('DESIGN §3: a session is in its pod’s roll as long as it may have to be ended', () => {
  it('no bind is published before the roll holds the session', async () => {
    const harness = await start()
    const { held } = hold(harness)
    const client = await signedIn(harness)
    client.send(bindRequest('balcony'))
    await harness.until(() => held.length === 1)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    assert.equal(harness.published('bind').length, 0)
    held[0]?.()
    await client.expect(/<iq type='result' id='b1'>/)
    const [bind] = harness.published('bind')
    assert.deepEqual(await contents(harness), [`${bind?.target.connection} romeo@${domain}`])
  })

  it('it leaves the roll only once the log holds its drop', async () => {
    const harness = await start()
    const client = await harness.plain()
    await client.signIn()
    const { publishWith } = harness.fake
    harness.fake.publishWith = () => Promise.reject(new Error('the log is away'))
    client.send('</stream:stream>')
    await client.closed()
    await harness.until(() => harness.published('drop').length === 1)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    assert.equal((await contents(harness)).length, 1)
    harness.fake.publishWith = publishWith
    harness.pass(1_000)
    await rolled(harness, 0)
    assert.equal(harness.published('drop').length, 2)
  })

  it('RFC 6120 §4.9.3.17: with presence away the bind fails, and nobody hears of it', async () => {
    const harness = await start()
    const state = hold(harness)
    const client = await signedIn(harness)
    client.send(bindRequest('balcony'))
    await harness.until(() => state.held.length === 1)
    state.isAway = true
    state.held[0]?.()
    await client.expect(/<resource-constraint/)
    await client.closed()
    assert.equal(harness.published('bind').length, 0)
    assert.equal(harness.fake.counts.sums.get('starling_c2s_roll_faults_total'), 1)
  })

  it('R7: a lease that ended meanwhile: the bind is not published', async () => {
    const harness = await start()
    const { held } = hold(harness)
    const client = await signedIn(harness)
    client.send(bindRequest('balcony'))
    await harness.until(() => held.length === 1)
    Object.assign(harness.fake.io.inbox, { isLeased: () => false })
    held[0]?.()
    await client.expect(/<resource-constraint/)
    assert.equal(harness.published('bind').length, 0)
  })

  it('a client that goes while its session is written down leaves neither bind nor entry', async () => {
    const harness = await start()
    const { held } = hold(harness)
    const client = await signedIn(harness)
    client.send(bindRequest('balcony'))
    await harness.until(() => held.length === 1)
    client.end()
    await harness.until(() => harness.published('drop').length === 1)
    held[0]?.()
    await harness.until(() => harness.pod.pod.roll.count === 0)
    assert.equal(harness.published('bind').length, 0)
    assert.deepEqual(await contents(harness), [])
  })

  it('R11: what presence lost is written down again within rollRenewLooks', async () => {
    const harness = await start({ c2s: { pingAfterMs: 0 } })
    const client = await harness.plain()
    await client.signIn()
    const before = await contents(harness)
    await harness.fake.io.presence.delist(life, before)
    for (let looks = 0; looks < 3_600; looks++) harness.pass(1_000)
    await rolled(harness, 1)
    assert.deepEqual(await contents(harness), before)
  })

  it('a drain strikes everybody out and ends the roll', async () => {
    const harness = await start()
    for (const resource of ['balcony', 'orchard']) await (await harness.plain()).signIn('romeo', 'secret', resource)
    await rolled(harness, 2)
    assert.deepEqual(await harness.fake.io.presence.rolls(10), [life])
    await harness.pod.drain(5_000)
    assert.deepEqual(await harness.fake.io.presence.rolls(10), [])
    assert.equal(harness.published('drop').length, 2)
  })

  it('the sessions of another pod that died are dropped by this one', async () => {
    const harness = await start()
    const dead = { slot: 5, epoch: 40 }
    await harness.fake.io.presence.enlist(dead, [`9 juliet@${domain}`])
    while (harness.published('drop').length === 0) {
      harness.fake.advance(2_000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const [drop] = harness.published('drop')
    assert.deepEqual([drop?.key, drop?.target], [`juliet@${domain}`, { ...dead, connection: 9 }])
  })
})
