import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Agent, createClient } from 'stanza'
import { type Server, startEmbedded } from './embedded.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

const slixmppVersion = '1.17.0'
const script = fileURLToPath(new URL('./slixmpp_story.py', import.meta.url))
const packages = fileURLToPath(new URL(`../../../../.cache/slixmpp-${slixmppVersion}`, import.meta.url))

/** Runs a command to its end. Errors: rejects when it cannot be started or fails, with what it said. */
function runCommand(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let said = ''
    child.stdout.on('data', (data: Buffer) => (out += data))
    child.stderr.on('data', (data: Buffer) => (said += data))
    child.on('error', (error) =>
      reject(new Error(`${command} cannot be run (Python 3 with pip is needed): ${error.message}`)),
    )
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ${args.join(' ')}: ${code}\n${said}`)),
    )
  })
}

/** Puts slixmpp where the stories find it, once. */
async function installSlixmpp(): Promise<void> {
  const done = `${packages}/installed`
  if (existsSync(done)) return
  mkdirSync(packages, { recursive: true })
  const target = [
    '--target',
    packages,
    '--upgrade',
    '--quiet',
    '--disable-pip-version-check',
    '--root-user-action',
    'ignore',
  ]
  await runCommand('python3', ['-m', 'pip', 'install', ...target, `slixmpp==${slixmppVersion}`])
  writeFileSync(done, '')
}

describe('clients that others wrote, on the embedded default', () => {
  let server: Server
  before(async () => {
    server = await startEmbedded()
    await installSlixmpp()
  })
  after(() => server.end())

  for (const [mode, port] of [
    ['starttls', 'c2s'],
    ['tls', 'c2sTls'],
  ] as const) {
    it(`slixmpp over ${mode}: signs in, subscribes, sees presence, chats, resumes (XEP-0198)`, async () => {
      const accounts = [`romeo-${mode}@localhost`, `juliet-${mode}@localhost`]
      for (const jid of accounts) await server.createAccount(jid, 'secret')
      const at = ['127.0.0.1', String(server.running.ports[port]), mode]
      const env = { ...process.env, PYTHONPATH: packages }
      const out = await runCommand('python3', [script, ...at, ...accounts.flatMap((jid) => [jid, 'secret'])], env)
      const told = JSON.parse(out.trim().split('\n').at(-1) ?? '') as {
        readonly tls: string
        readonly jids: readonly string[]
        readonly seen: readonly string[]
        readonly bodies: readonly string[]
        readonly answer: readonly string[]
        readonly missed: readonly string[]
      }
      assert.equal(told.tls, 'TLSv1.3')
      assert.deepEqual(told.seen, [...told.jids].reverse(), 'each saw the other')
      assert.deepEqual(
        told.bodies,
        Array.from({ length: 20 }, (_, i) => `line ${i}`),
      )
      assert.deepEqual(told.answer, ['heard', told.jids[1]])
      assert.deepEqual(told.missed, [...Array.from({ length: 10 }, (_, i) => `missed ${i}`), 'the last'])
    })
  }

  for (const transport of ['websocket', 'bosh'] as const) {
    it(`stanza over ${transport}: signs in, sees its roster, chats`, async () => {
      const romeo = await stanzaDevice(server, `romeo-${transport}`, transport)
      const juliet = await stanzaDevice(server, `juliet-${transport}`, transport)
      const bodies: string[] = []
      const heard = new Promise<string>((resolve) =>
        juliet.on('message', ({ from, body = '' }) => {
          bodies.push(body)
          if (body === 'the last') resolve(from)
        }),
      )
      for (let i = 0; i < 20; i++) romeo.sendMessage({ to: juliet.jid, type: 'chat', body: `line ${i}` })
      await romeo.sendMessage({ to: juliet.jid, type: 'chat', body: 'the last' })
      assert.equal(await heard, romeo.jid)
      assert.deepEqual(bodies, [...Array.from({ length: 20 }, (_, i) => `line ${i}`), 'the last'])
      await romeo.ping('localhost') // rejects unless it is answered
      for (const device of [romeo, juliet]) {
        const gone = new Promise<void>((resolve) => device.once('disconnected', () => resolve()))
        device.disconnect()
        await gone
      }
    })
  }
})

/** Signs in a client of the library `stanza` and goes available. */
async function stanzaDevice(server: Server, name: string, transport: 'websocket' | 'bosh'): Promise<Agent> {
  const jid = `${name}@localhost`
  await server.createAccount(jid, 'secret')
  const { http } = server.reach
  const transports =
    transport === 'websocket'
      ? { websocket: `ws://127.0.0.1:${http}/xmpp-websocket`, bosh: false }
      : { websocket: false, bosh: `http://127.0.0.1:${http}/http-bind` }
  const device = createClient({ jid, password: 'secret', autoReconnect: false, transports })
  const started = new Promise<void>((resolve, reject) => {
    device.on('session:started', () => resolve())
    device.on('auth:failed', () => reject(new Error(`${jid} was refused`)))
  })
  device.connect()
  await started
  await device.getRoster()
  device.sendPresence()
  return device
}
