import { once } from 'node:events'
import { connect } from 'node:net'
import type { Presence } from '@starling/core'
import { type BareJid, bareJid } from '@starling/jid'
import { Redis } from 'ioredis'
import { presenceKeys } from '../redis/keys.ts'
import { redisPresence } from '../redis/presence.ts'
import { fieldsOf } from '../redis/sample-session.ts'

/** A Redis with so many sessions. */
export interface FilledRedis {
  readonly sessions: number
  readonly presence: Presence
  readonly account: (place: number) => BareJid
  /** The roll that a session stands in. */
  readonly lifeOf: (place: number) => { readonly slot: number; readonly epoch: number }
  /** What a session takes in Redis with all. Units: bytes. */
  readonly bytesEach: number
  readonly close: () => Promise<void>
}

/** Connections a pod has. */
const perPod = 50_000
const perWrite = 500
/** One session in so many waits for its client. */
const hibernatingEvery = 100

/** Names of one length, as what one account is kept as serves for all. */
export function account(place: number): BareJid {
  return bareJid(`user${String(place).padStart(8, '0')}`, 'example.org')
}

/** Fills an empty Redis: one session by the adapter, the others as copies of what that left there, byte for byte. */
export async function filledRedis(url: string, sessions: number): Promise<FilledRedis> {
  const presence = redisPresence({ url, timeoutMs: 30_000 })
  const admin = new Redis(url)
  const lifeOf = (place: number) => ({ slot: Math.floor(place / perPod), epoch: 123_456_789_012 })
  await presence.takeGeneration('warm')
  const before = await usedBytes(admin)
  const first = account(0)
  for (const kind of ['session', 'routing'] as const) {
    await presence.saveStates(kind, [{ account: first, mark: 1_000_000, set: fieldsOf[kind], remove: [] }])
  }
  await presence.takeGeneration(first)
  await copied(url, await dumped(admin, first), sessions)
  for (let place = 0; place < sessions; place += perWrite) {
    const some = Array.from({ length: Math.min(perWrite, sessions - place) }, (_, more) => account(place + more))
    await presence.enlist(
      lifeOf(place),
      some.map((jid) => `4000000 ${jid}`),
    )
    const waiting = some.filter((_, more) => more % hibernatingEvery === 0)
    await presence.noteHibernations(
      waiting.map((jid) => ({ name: `200 123456789012 4000000 ${jid}`, endsAtMs: 1.79e12 })),
    )
  }
  const keys = await admin.dbsize()
  if (keys < sessions * 3) throw new Error(`Redis holds ${keys} keys of ${sessions} sessions`)
  const bytesEach = ((await usedBytes(admin)) - before) / sessions
  admin.disconnect()
  return { sessions, presence, account, lifeOf, bytesEach, close: presence.close }
}

interface Dumped {
  readonly key: (jid: BareJid) => string
  readonly ttlMs: string
  readonly bytes: Buffer
}

async function dumped(admin: Redis, of: BareJid): Promise<readonly Dumped[]> {
  const names = presenceKeys('starling:')
  const keys = [
    (jid: BareJid) => names.state('session', jid),
    (jid: BareJid) => names.state('routing', jid),
    names.generation,
  ]
  return Promise.all(
    keys.map(async (key) => {
      const bytes = await admin.dumpBuffer(key(of))
      if (bytes === null) throw new Error(`the adapter keeps nothing at ${key(of)}`)
      return { key, ttlMs: String(Math.max(0, await admin.pttl(key(of)))), bytes }
    }),
  )
}

/** Writes the copies as RESP over a plain socket: a client's objects for three million commands would cost more than Redis. */
async function copied(url: string, dumps: readonly Dumped[], sessions: number): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  let answered = 0
  let refused = ''
  let wake = (): void => {}
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('-')) refused = chunk.toString()
    for (const byte of chunk) if (byte === 10) answered++
    wake()
  })
  await once(socket, 'connect')
  const tails = dumps.map(({ ttlMs, bytes }) =>
    Buffer.concat([
      Buffer.from(`\r\n$${ttlMs.length}\r\n${ttlMs}\r\n$${bytes.length}\r\n`),
      bytes,
      Buffer.from('\r\n'),
    ]),
  )
  for (let place = 1; place < sessions; place += perWrite) {
    const parts: Buffer[] = []
    for (let at = place; at < Math.min(place + perWrite, sessions); at++) {
      for (const [index, { key }] of dumps.entries()) {
        const name = key(account(at))
        parts.push(Buffer.from(`*4\r\n$7\r\nRESTORE\r\n$${name.length}\r\n${name}`), tails[index] ?? Buffer.alloc(0))
      }
    }
    if (!socket.write(Buffer.concat(parts))) await once(socket, 'drain')
  }
  while (answered < (sessions - 1) * dumps.length && refused === '') await new Promise<void>((done) => (wake = done))
  socket.destroy()
  if (refused !== '') throw new Error(`Redis refused a copy: ${refused}`)
}

async function usedBytes(admin: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
}
