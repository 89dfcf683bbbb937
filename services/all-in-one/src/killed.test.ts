import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Device, walkArchive } from '@starling/testkit'
import { type XmppElement, xml } from '@xmpp/client'
import { type EmbeddedProcess, startEmbeddedProcess } from './bench/embedded-process.ts'
import { createAccount } from './stories/embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const folder = mkdtempSync(join(tmpdir(), 'starling-killed-'))
const running = new Set<EmbeddedProcess>()
after(async () => {
  for (const server of running) await kill(server)
  rmSync(folder, { recursive: true })
})

const ns = 'urn:xmpp:sm:3'
/** Units: messages sent in one life of the server, at most: an archive is walked in twenty pages. */
const maxMessages = 500
/** When each life ends, after the first message. Units: ms. */
const killAfterMs = [150, 700, 320, 1_100]

async function start(name: string, environment: Readonly<Record<string, string>> = {}): Promise<EmbeddedProcess> {
  const server = await startEmbeddedProcess(join(folder, name), [], environment)
  running.add(server)
  return server
}

async function kill(server: EmbeddedProcess): Promise<void> {
  process.kill(server.pid, 'SIGKILL')
  await server.stop()
  running.delete(server)
}

async function createAccounts({ ports, token }: EmbeddedProcess): Promise<void> {
  for (const name of ['romeo', 'juliet']) {
    await createAccount(ports.http, token, { jid: `${name}@localhost`, password: 'secret' })
  }
}

function signIn({ ports }: EmbeddedProcess, username: string): Promise<Device> {
  // By the older sign-in, where a client says its resource: so a new life's device takes the place of the one before
  const ignores = ['urn:xmpp:sasl:2']
  return connect({ domain: 'localhost', ...ports }, { username, password: 'secret', resource: 'device', ignores })
}

/** Sends numbered messages until the server dies; notes what the server acknowledged (XEP-0198 §4). */
async function talk(device: Device, first: number, acked: Set<string>): Promise<number> {
  let next = first
  device.xmpp.streamManagement.on('ack', (stanza) => {
    const body = stanza.getChildText('body')
    if (body !== null) acked.add(body)
  })
  try {
    while (next < first + maxMessages) {
      await device.message('juliet@localhost', `${next++}`)
      if (next % 7 === 0) await device.send(xml('r', { xmlns: ns }))
      await sleep(2)
    }
  } catch {
    // The server is dead
  }
  return next
}

function hear(device: Device, heard: Set<string>): void {
  device.xmpp.on('stanza', (stanza: XmppElement) => {
    const body = stanza.is('message') ? stanza.getChildText('body') : null
    if (body !== null) heard.add(body)
  })
}

describe('issue 4 item 6: kill -9 of the one process', () => {
  it('what was acknowledged or heard is in the archive once, in order, and reaches the other account', async () => {
    const acked = new Set<string>()
    const heard = new Set<string>()
    let next = 0
    for (const [life, afterMs] of killAfterMs.entries()) {
      const server = await start('talk')
      if (life === 0) await createAccounts(server)
      const [romeo, juliet] = await Promise.all([signIn(server, 'romeo'), signIn(server, 'juliet')])
      hear(juliet, heard)
      await juliet.available()
      const talking = talk(romeo, next, acked)
      await sleep(afterMs)
      const gone = new Promise<void>((resolve) => romeo.xmpp.on('disconnect', () => resolve()))
      await kill(server)
      await gone
      next = await talking
      await Promise.all([romeo.close(), juliet.close()]).catch(() => undefined)
    }
    assert.ok(acked.size > 50, `${acked.size} acknowledged`)

    const server = await start('talk')
    const juliet = await signIn(server, 'juliet')
    hear(juliet, heard)
    await juliet.available()
    const late = (): readonly string[] => [...acked].filter((number) => !heard.has(number))
    for (let tries = 0; late().length > 0 && tries < 300; tries++) await sleep(100)
    assert.deepEqual(late(), [], 'acknowledged and never delivered')

    const archived = (await walkArchive(juliet, 'romeo@localhost', 200)).map(({ body }) => Number(body))
    assert.deepEqual(
      archived,
      [...new Set(archived)].sort((one, other) => one - other),
    )
    const kept = new Set(archived.map(String))
    assert.deepEqual(
      [...acked, ...heard].filter((number) => !kept.has(number)),
      [],
    )
    await juliet.close()
    await kill(server)
  })

  it('XEP-0198 §5: a session is resumed in the next life, with what was sent to it meanwhile, in order', async () => {
    const first = await start('resume')
    await createAccounts(first)
    const juliet = await signIn(first, 'juliet')
    await juliet.available()
    const romeo = await signIn(first, 'romeo')
    await romeo.message('juliet@localhost', '0')
    assert.equal((await juliet.nextBody()).body, '0')
    const gone = new Promise<void>((resolve) => juliet.xmpp.on('disconnect', () => resolve()))
    await kill(first)
    await gone

    const second = await start('resume', { STARLING_PORTS_C2S: String(first.ports.c2s) })
    const again = await signIn(second, 'romeo')
    for (const body of ['1', '2', '3']) await again.message('juliet@localhost', body)
    const resumed = new Promise<void>((resolve) => juliet.xmpp.streamManagement.on('resumed', resolve))
    await juliet.xmpp.reconnect.reconnect()
    await resumed
    await again.message('juliet@localhost', '4')
    const bodies: string[] = []
    while (bodies.length < 4) bodies.push((await juliet.nextBody()).body)
    assert.deepEqual(bodies, ['1', '2', '3', '4'])
    await Promise.all([again.close(), juliet.close()])
    await kill(second)
  })
})
