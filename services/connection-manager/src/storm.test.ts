import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limits } from './limits.ts'
import { connectPlain, type TestClient } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { useHarness } from './test-support/harness.ts'
import { Turns, type Waiter } from './turns.ts'

const start = useHarness()
const gone = { isGone: () => true }
const wanted = { isGone: () => false }

describe('Turns', () => {
  /** Turns on a clock and a timer of the test's own. */
  const make = (perSecond: number, maxWaiting: number) => {
    const state = { nowMs: 0, timers: [] as (() => void)[], ran: [] as number[] }
    const turns = new Turns({
      perSecond,
      maxWaiting,
      monotonic: () => state.nowMs,
      later: (_, run) => {
        state.timers.push(run)
        return () => {}
      },
    })
    const pass = (ms: number): void => {
      state.nowMs += ms
      for (const run of state.timers.splice(0)) run()
    }
    const waiter = (id: number, more: Pick<Waiter, 'isGone'> = wanted): Waiter => ({
      run: () => state.ran.push(id),
      ...more,
    })
    return { state, turns, pass, waiter }
  }

  it('a burst of one second goes at once, then the rate holds, in the order of arrival', () => {
    const { state, turns, pass, waiter } = make(10, 100)
    for (let id = 0; id < 40; id++) assert.ok(turns.take(waiter(id)))
    assert.equal(state.ran.length, 10)
    assert.equal(turns.waiting, 30)
    pass(1_000)
    assert.equal(state.ran.length, 20)
    // Who comes now is no sooner than those who wait
    turns.take(waiter(40))
    pass(1_000)
    pass(1_000)
    assert.equal(state.timers.length, 1)
    pass(1_000)
    assert.deepEqual(
      state.ran,
      Array.from({ length: 41 }, (_, id) => id),
    )
    assert.equal(state.timers.length, 0)
  })

  it('those that went away take no turn', () => {
    const { state, turns, pass, waiter } = make(1, 100)
    turns.take(waiter(0))
    for (let id = 1; id < 50; id++) turns.take(waiter(id, gone))
    turns.take(waiter(50))
    pass(1_000)
    assert.deepEqual(state.ran, [0, 50])
    assert.equal(turns.waiting, 0)
  })

  it('R8: above maxWaiting one is refused; those that went away make room', () => {
    const { state, turns, waiter } = make(1, 2)
    turns.take(waiter(0))
    let isGone = false
    assert.ok(turns.take(waiter(1, { isGone: () => isGone })))
    assert.ok(turns.take(waiter(2)))
    assert.equal(turns.take(waiter(3)), false)
    isGone = true
    assert.ok(turns.take(waiter(4)))
    assert.deepEqual([state.ran.length, turns.waiting], [1, 2])
  })

  it('a rate of 0 lets everybody in', () => {
    const { state, turns, waiter } = make(0, 1)
    for (let id = 0; id < 100; id++) turns.take(waiter(id))
    assert.equal(state.ran.length, 100)
  })
})

describe('a reconnect storm', () => {
  it('a few hundred clients at once: each is served, in order, at the pace of loginsPerSecond; nobody is refused', async () => {
    const perSecond = 60
    const many = 200
    const { pod, fake, published, until } = await start({ c2s: { requireTls: false, loginsPerSecond: perSecond } })
    const clients: TestClient[] = []
    const startMs = performance.now()
    const resume = async (client: TestClient, number: number): Promise<string> => {
      await client.open()
      assert.match(await client.scram('romeo', 'secret'), /<success/)
      await client.open()
      client.send(`<resume xmlns='urn:xmpp:sm:3' previd='s${number}' h='0'/>`)
      return (await client.expect(/<failed|<resumed/))[0]
    }
    fake.publishWith = async (envelope) => {
      if (envelope.kind !== 'resume') return
      const { target } = envelope
      setImmediate(() => fake.emit({ kind: 'signal', key: '', atMs: 0, target, head: { signal: 'resumeRefused' } }))
    }
    await Promise.all(
      Array.from({ length: many }, async () => {
        clients.push(await connectPlain(pod.ports['c2s'] ?? 0))
      }),
    )
    await until(() => pod.pod.connections.size + pod.pod.arrivals.waiting === many)
    const most = pod.pod.arrivals.waiting
    const answers = await Promise.all(clients.map(resume))
    const tookMs = performance.now() - startMs
    assert.equal(answers.length, many)
    await until(() => published('resume').length === many)
    // A burst of one second's worth, the rest at the rate: never faster, however fast the machine
    assert.ok(tookMs >= ((many - perSecond) / perSecond) * 1_000 - 50, `took ${tookMs} ms`)
    assert.ok(most > 0, 'sockets waited')
    assert.equal(pod.pod.arrivals.waiting, 0)
    assert.equal(fake.counts.sums.get('starling_c2s_refused_total{waitingSockets}'), undefined)
    assert.equal(fake.counts.sums.get('starling_c2s_refused_total{waitingLogins}'), undefined)
    for (const client of clients) client.end()
    await until(() => pod.pod.connections.size === 0)
    assert.equal(pod.pod.addresses.size, 0)
  })

  it('who waits for a turn to sign in longer than unauthenticatedTimeoutMs is not cut off for it', async () => {
    const { pod, plain, pass, until, fake } = await start({ c2s: { loginsPerSecond: 1 } })
    const first = await plain()
    const second = await plain()
    for (const client of [first, second]) {
      await client.startTls()
      await client.open()
    }
    const answers = [first.scram('romeo', 'secret'), second.scram('romeo', 'secret')]
    await until(() => pod.pod.logins.waiting === 1)
    const waiting = [...pod.pod.connections.values()].filter(({ state }) => state.phase.kind === 'lookingUp')
    assert.ok(waiting.length > 0)
    pass(fake.io.settings.c2s.unauthenticatedTimeoutMs * 0.9)
    pass(fake.io.settings.c2s.unauthenticatedTimeoutMs * 0.2)
    assert.ok(waiting.every(({ isEnded }) => !isEnded))
    await Promise.allSettled(answers)
  })

  it('a socket that leaves while it waits costs nothing, and its address is free again', async () => {
    const { pod, plain, until } = await start({ c2s: { requireTls: false, loginsPerSecond: 1 } })
    // The first ones use up the burst
    for (let at = 0; at < limits.socketsPerLogin; at++) await (await plain()).open()
    const waiting = await plain()
    waiting.header()
    await until(() => pod.pod.arrivals.waiting === 1)
    assert.equal(waiting.text, '')
    waiting.end()
    await until(() => pod.pod.arrivals.waiting === 0)
    assert.equal(pod.pod.connections.size, limits.socketsPerLogin)
    assert.equal(pod.pod.addresses.get('127.0.0.1'), limits.socketsPerLogin)
  })

  it('RFC 6120 §4.9.3.17: above waitingSockets one is told so', async () => {
    const { pod, fake, plain } = await start({ c2s: { requireTls: false, loginsPerSecond: 1 } })
    for (let at = 0; at < limits.socketsPerLogin; at++) await (await plain()).open()
    for (let at = 0; at < limits.waitingSockets; at++) pod.pod.arrivals.take({ run: () => {}, isGone: () => false })
    const client = await plain()
    assert.match(await client.closed(), new RegExp(`from='${domain}'.*<resource-constraint`, 's'))
    assert.equal(fake.counts.sums.get('starling_c2s_refused_total{waitingSockets}'), 1)
    assert.equal(pod.pod.addresses.get('127.0.0.1'), limits.socketsPerLogin)
  })
})
