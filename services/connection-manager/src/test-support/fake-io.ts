import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { memoryPresence } from '@starling/adapters/memory'
import type { AskResult, Module, PodIo, QueryCall, Settings } from '@starling/core'
import { createRegistry } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { deriveCredentials, encodeCredentials } from '@starling/sasl'
import type { Envelope, InboxName, Target } from '@starling/wire'
import { createCounts, type FakeCounts } from './fake-metrics.ts'

/** Settings that a test changes. */
export type C2sChanges = Partial<Settings['c2s']>

/** What stands for everything behind the sockets, and what tests see and do there. */
export interface FakeIo {
  readonly io: PodIo
  readonly counts: FakeCounts
  /** Everything published, in order. */
  readonly published: { readonly to: InboxName; readonly envelope: Envelope }[]
  /** Questions asked, in order. */
  readonly asked: QueryCall[]
  readonly emit: (...envelopes: readonly Envelope[]) => void
  readonly fence: () => void
  readonly restore: () => void
  /** What the next publishes come to; default resolves at once. */
  publishWith: (envelope: Envelope) => Promise<void>
  answerWith: (call: QueryCall) => AskResult
  isReady: boolean
  isLeased: boolean
  pendingBytes: number
  /** Adds to the monotonic clock. */
  readonly advance: (ms: number) => void
  readonly httpPort: () => number
  readonly listenHttp: () => Promise<void>
  readonly close: () => void
}

/** The domain of the tests. */
export const domain = 'starling.test' as BareJid

/** Makes surroundings in which accounts exist and binding succeeds. */
export async function fakeIo(
  options: {
    readonly c2s?: C2sChanges
    readonly accounts?: Readonly<Record<string, string>>
    readonly modules?: readonly Module[]
    readonly perAddressPerHour?: number
    readonly sm?: Partial<Settings['sm']>
  } = {},
): Promise<FakeIo> {
  const credentials = new Map<string, string>()
  for (const [name, password] of Object.entries(options.accounts ?? { romeo: 'secret' })) {
    const derived = await deriveCredentials(password, { salt: Buffer.from(`salt of ${name}`), iterations: 4096 })
    if (derived.ok) credentials.set(`${name}@${domain}`, encodeCredentials(derived.value))
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-cm-'))
  const settings = settingsOf(dataDir, options)
  const counts = createCounts()
  const generations = new Map<string, number>()
  const counters = new Map<string, number>()
  const published: { to: InboxName; envelope: Envelope }[] = []
  const asked: QueryCall[] = []
  let onEnvelopes: (envelopes: readonly Envelope[]) => void = () => {}
  let onFenced = (): void => {}
  let onRestored = (): void => {}
  let skippedMs = 0
  const routes = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
  const upgrades = new Map<string, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>()
  let server: Server | undefined
  const fake: FakeIo = {
    counts,
    published,
    asked,
    isReady: true,
    isLeased: true,
    pendingBytes: 0,
    emit: (...envelopes) => onEnvelopes(envelopes),
    fence: () => onFenced(),
    restore: () => onRestored(),
    publishWith: async (envelope) => {
      if (envelope.kind === 'bind') setImmediate(() => onEnvelopes([boundTo(envelope.key, envelope)]))
    },
    answerWith: (call) => {
      const found = call.query === 'account.get' ? credentials.get(call.args.jid) : undefined
      return { ok: true, value: found === undefined ? undefined : { credentials: found } }
    },
    advance: (ms) => {
      skippedMs += ms
    },
    httpPort: () => (server?.address() as AddressInfo | undefined)?.port ?? 0,
    listenHttp: () =>
      new Promise((resolve) => {
        if (server !== undefined) return resolve()
        server = createServer((request, response) => routes.get(request.url ?? '')?.(request, response))
        server.on('upgrade', (request, socket, head) => {
          const handle = upgrades.get((request.url ?? '').split('?')[0] ?? '')
          if (handle === undefined) socket.destroy()
          else handle(request, socket, head)
        })
        server.listen(0, '127.0.0.1', resolve)
      }),
    close: () => {
      server?.closeAllConnections()
      server?.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
    io: {
      pod: 'pod-1',
      domain,
      isServed: (other) => other === domain,
      settings,
      registry: createRegistry(options.modules ?? [], {}, { name: 'Starling', version: '0' }),
      presence: {
        ...memoryPresence({ clock: () => 0 }),
        readSlots: async () => new Map([[3, 17]]),
        takeGeneration: async (account: string) => {
          const next = (generations.get(account) ?? 0) + 1
          generations.set(account, next)
          return next
        },
        addToCounter: async (name: string, by: number) => {
          const sum = (counters.get(name) ?? 0) + by
          counters.set(name, sum)
          return sum
        },
        isUp: () => true,
      },
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (event) => counts.errors.push(event) },
      metrics: counts.metrics,
      clock: () => Date.now(),
      monotonic: () => performance.now() + skippedMs,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      http: {
        route: (path, handle) => routes.set(path, handle),
        upgrade: (path, handle) => upgrades.set(path, handle),
      },
      inbox: {
        target: (connection) => ({ slot: 3, epoch: 17, connection }),
        isLeased: () => fake.isLeased,
        onEnvelopes: (handler) => {
          onEnvelopes = handler
        },
        onFenced: (handler) => {
          onFenced = handler
        },
        onRestored: (handler) => {
          onRestored = handler
        },
        ask: async (_key, call) => {
          asked.push(call)
          return fake.answerWith(call)
        },
      },
      publish: (to, envelope) => {
        published.push({ to, envelope })
        return fake.publishWith(envelope)
      },
      pendingBytes: () => fake.pendingBytes,
      isReady: () => fake.isReady,
    },
  }
  return fake
}

/** The session stage's answer to a bind. */
export function boundTo(
  key: string,
  bind: { readonly target: Target; readonly head: { readonly resource: string; readonly iqId: string } },
): Envelope {
  const jid = `${key}/${bind.head.resource === '' ? 'made' : bind.head.resource}`
  const raw = `<iq type='result' id='${bind.head.iqId}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`
  return { kind: 'bound', key: '', target: bind.target, head: { jid }, raw: Buffer.from(raw), atMs: 0 }
}

function settingsOf(
  dataDir: string,
  options: { readonly c2s?: C2sChanges; readonly sm?: Partial<Settings['sm']>; readonly perAddressPerHour?: number },
): Settings {
  return {
    domain,
    domains: [],
    dataDir,
    portOffset: 0,
    ports: { c2s: 0, c2sTls: 0, http: 0 },
    listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
    tls: { certificateFile: '', keyFile: '', directory: '' },
    c2s: {
      requireTls: true,
      streamsPerAddress: 0,
      stanzasPerSecond: 0,
      bytesPerSecond: 0,
      loginsPerSecond: 0,
      unauthenticatedTimeoutMs: 30_000,
      maxStanzaBytes: 262_144,
      maxOutputBytes: 1_048_576,
      maxInFlightStanzas: 100,
      pingAfterMs: 60_000,
      pingTimeoutMs: 30_000,
      maxResources: 10,
      proxyProtocol: false,
      ...options.c2s,
    },
    sm: {
      resumeSeconds: 300,
      maxUnackedStanzas: 1_000,
      requestAfterStanzas: 25,
      requestAfterMs: 1_000,
      ackTimeoutMs: 60_000,
      ...options.sm,
    },
    registration: { inBand: true, perAddressPerHour: options.perAddressPerHour ?? 0 },
    scram: { iterations: 4096 },
  } as unknown as Settings
}
