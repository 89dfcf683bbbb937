import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connectionManager } from '@starling/connection-manager'
import type { Logger, PodIo, Presence, Settings, Stage } from '@starling/core'
import { gateway } from '@starling/gateway'
import { modules } from '@starling/modules'
import { routing } from '@starling/routing'
import { defaultSettings, type Running, run } from '@starling/runtime'
import { session } from '@starling/session'
import { storage } from '@starling/storage'
import { comeBack, connect, cut, type Device } from '@starling/testkit'
import { xml } from '@xmpp/client'
import { createAccount } from './embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Never answered: what a dead process awaits, and what awaits it. */
const silence = new Promise<never>(() => {})
const token = 'a-token-of-the-stories'

/** A connection-manager among others in this process, that can be killed like a process: without a word. */
interface Mortal {
  readonly stage: Stage
  readonly port: () => number
  /** From here on nothing it does reaches anybody, and its lease ends. */
  readonly kill: () => Promise<void>
  /** Lets its clock run ahead. */
  readonly hurry: (ms: number) => void
}

function mortal(leases: readonly { readonly slot: number; readonly epoch: number; readonly holder: string }[]): Mortal {
  let isDead = false
  let isBuried = false
  let port = 0
  let aheadMs = 0
  let io: PodIo | undefined
  const unlessDead = <T>(work: () => Promise<T>): Promise<T> =>
    isBuried ? Promise.reject(new Error('dead')) : isDead ? silence : work()
  const mortalPresence = (real: Presence): Presence =>
    new Proxy(real, {
      get: (presence, name: keyof Presence) => {
        if (name === 'isUp') return presence.isUp
        const call = presence[name] as (...args: readonly unknown[]) => Promise<unknown>
        return (...args: readonly unknown[]) => unlessDead(() => call(...args))
      },
    })
  return {
    port: () => port,
    hurry: (ms) => {
      aheadMs += ms
    },
    kill: async () => {
      isDead = true
      const target = io?.inbox.target(0)
      const lease = leases.find(({ slot, epoch }) => slot === target?.slot && epoch === target.epoch)
      assert.ok(lease !== undefined && io !== undefined)
      await io.presence.releaseSlot({ slot: lease.slot, epoch: lease.epoch, pod: lease.holder })
      // its inbox is the real one, and lives: it may not take the lease again
      await io.presence.buryLife(lease, 600_000)
    },
    stage: {
      kind: 'pod',
      name: 'connection-manager',
      start: async (real) => {
        assert.ok(connectionManager.kind === 'pod')
        io = real
        const { inbox } = real
        const service = await connectionManager.start({
          ...real,
          presence: mortalPresence(real.presence),
          monotonic: () => real.monotonic() + aheadMs,
          publish: (to, envelope) => unlessDead(() => real.publish(to, envelope)),
          http: { route: () => {}, upgrade: () => {} },
          inbox: {
            ...inbox,
            ask: (...args) => unlessDead(() => inbox.ask(...args)),
            onEnvelopes: (handler) => inbox.onEnvelopes((envelopes) => (isDead ? undefined : handler(envelopes))),
            onFenced: (handler) => inbox.onFenced(() => (isDead ? undefined : handler())),
          },
        })
        port = service.ports['c2s'] ?? 0
        return {
          ports: {},
          isReady: () => true,
          drain: (timeoutMs) => {
            // its timers and sockets are this process's too
            isBuried = isDead
            return service.drain(isDead ? 300 : timeoutMs)
          },
        }
      },
    },
  }
}

describe('RFC 6121 §4.5.3: a pod that dies without a word', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-dead-pod-'))
  const leases: { slot: number; epoch: number; holder: string }[] = []
  const [doomed, other] = [mortal(leases), mortal(leases)]
  let running: Running
  const devices: Device[] = []
  const device = async (
    pod: Mortal,
    { username, resource, ignores = [] }: { username: string; resource: string; ignores?: readonly string[] },
  ): Promise<Device> => {
    const reach = { domain: defaultSettings.domain, c2s: pod.port(), http: 0 }
    const made = await connect(reach, { username, resource, password: 'secret', ignores })
    devices.push(made)
    return made
  }
  before(async () => {
    const logger: Logger = {
      debug: () => {},
      warn: () => {},
      error: () => {},
      info: (event) => {
        const { what, slot, epoch, holder } = event as unknown as { what: string } & (typeof leases)[number]
        if (what === 'slot.leased') leases.push({ slot, epoch, holder })
      },
    }
    const settings: Settings = {
      ...defaultSettings,
      dataDir,
      ports: { c2s: 0, c2sTls: 0, http: 0 },
      listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
      admin: { token, allowRemote: false },
      scram: { iterations: 4_096 },
      drainTimeoutMs: 4_000,
    }
    const stages = [storage, routing, session, doomed.stage, other.stage, gateway]
    running = await run({ stages, modules, settings, pod: 'story', logger })
    for (const name of ['romeo', 'juliet', 'nurse']) {
      await createAccount(running.ports['http'] ?? 0, token, { jid: `${name}@localhost`, password: 'secret' })
    }
  })
  after(async () => {
    await Promise.allSettled(devices.map((one) => one.close()))
    await running.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('sessions without stream management become unavailable to contacts and to the account’s other resources, and are gone; others go on elsewhere, with what was sent to them (XEP-0198 §5)', async () => {
    const romeo = await device(doomed, { username: 'romeo', resource: 'orchard', ignores: ['urn:xmpp:sm:3'] })
    const desk = await device(other, { username: 'romeo', resource: 'desk' })
    const juliet = await device(other, { username: 'juliet', resource: 'balcony' })
    const nurse = await device(doomed, { username: 'nurse', resource: 'chamber' })
    for (const one of [romeo, desk, juliet, nurse]) await one.available()
    for (const one of [juliet, desk]) await one.request('get', xml('query', { xmlns: 'jabber:iq:roster' }))
    await juliet.message(nurse.bare, 'before')
    assert.equal((await nurse.nextBody()).body, 'before')
    await juliet.send(xml('presence', { type: 'subscribe', to: romeo.bare }))
    await desk.next('a request', (stanza) => stanza.attrs['type'] === 'subscribe')
    await desk.send(xml('presence', { type: 'subscribed', to: juliet.bare }))
    const from = (jid: string, type: string | undefined) => (stanza: { attrs: Record<string, string | undefined> }) =>
      stanza.attrs['from'] === jid && stanza.attrs['type'] === type
    await juliet.next('presence of the doomed', from(romeo.jid, undefined))
    await juliet.next('presence of the desk', from(desk.jid, undefined))

    await doomed.kill()
    await juliet.message(nurse.bare, 'while nobody knows')
    const rush = setInterval(() => other.hurry(2_000), 200) // so that the grace is short
    try {
      await juliet.next('the end of the doomed', from(romeo.jid, 'unavailable'))
      await desk.next('the end of the doomed', from(romeo.jid, 'unavailable'))
    } finally {
      clearInterval(rush)
    }
    assert.ok(!juliet.unread().some(from(desk.jid, 'unavailable')), 'who lives is not touched')
    await juliet.message(romeo.bare, 'art thou there?')
    assert.equal((await desk.nextBody()).body, 'art thou there?')

    await juliet.message(nurse.bare, 'while nobody is there')
    await cut(nurse)
    assert.equal(await comeBack(nurse, { domain: defaultSettings.domain, c2s: other.port(), http: 0 }), 'resumed')
    await juliet.message(nurse.bare, 'after')
    const bodies: string[] = []
    while (bodies.length < 3) bodies.push((await nurse.nextBody()).body)
    assert.deepEqual(bodies, ['while nobody knows', 'while nobody is there', 'after'])
  })
})
