import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root, run } from '../run.ts'
import { type OlderTree, olderTree } from './older-tree.ts'
import { previousVersion } from './previous.ts'

/** Kinds of envelopes that this version reads and does not write yet: what is new on the wire is written by the next release. */
const readOnly: readonly string[] = ['bundle', 'outputBundle']

type Bytes = Uint8Array
type Fields = ReadonlyMap<string, Bytes>
interface State {
  readonly mark: number
  readonly fields: Fields
}

/** What a version of the source writes and reads, as its own files have it. */
interface Version {
  readonly name: string
  readonly codec: {
    readonly encodeEnvelope: (envelope: unknown) => Bytes
    readonly decodeEnvelope: (bytes: Bytes) => { readonly ok: boolean; readonly value?: unknown }
    readonly kindNumbers: Readonly<Record<string, number>>
  }
  readonly record: {
    readonly packRecord: (envelopes: readonly Bytes[]) => Bytes
    readonly unpackRecord: (value: Bytes) => { readonly ok: boolean; readonly value?: readonly Bytes[] }
  }
  readonly causes: { readonly causeTable: (metadata: string) => CauseTable }
  readonly samples: { readonly samples: Readonly<Record<string, unknown>> }
  readonly session: {
    readonly changesOf: (before: unknown, after: unknown, mark: number) => { readonly set: Fields } | undefined
    readonly readAccount: (jid: string, state: State) => unknown
  }
  readonly sessionAccount: { readonly blankAccount: (jid: string) => object }
  readonly routing: {
    readonly nobody: unknown
    readonly changedFields: (before: unknown, after: unknown, touched: ReadonlySet<string>) => { readonly set: Fields }
    readonly readAccount: (state: State) => unknown
  }
  readonly queue: {
    readonly encodeEntry: (entry: unknown) => Bytes
    readonly decodeEntry: (bytes: Bytes) => unknown
  }
}
interface CauseTable {
  readonly accept: (cause: unknown) => boolean
  readonly encode: () => string
}

const files: { readonly [F in Exclude<keyof Version, 'name'>]: string } = {
  codec: 'packages/wire/src/codec.ts',
  record: 'packages/wire/src/record.ts',
  causes: 'packages/wire/src/causes.ts',
  samples: 'packages/wire/src/samples.ts',
  session: 'services/session/src/account-codec.ts',
  sessionAccount: 'services/session/src/account.ts',
  routing: 'services/routing/src/account.ts',
  queue: 'services/routing/src/queue-entry.ts',
}

async function load(name: string, tree: string): Promise<Version> {
  const parts = await Promise.all(
    Object.entries(files).map(
      async ([part, file]) => [part, await import(pathToFileURL(join(tree, file)).href)] as const,
    ),
  )
  return { name, ...Object.fromEntries(parts) } as unknown as Version
}

/** Maps and bytes as plain values, so that what two versions made is compared by its contents. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Map) return plain(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

const jid = 'romeo@example.org'
const target = { slot: 7, epoch: 2 ** 40 + 3, connection: 12 }
const presence = { priority: -3, raw: Buffer.from('<presence/>') }
const slices = { 'XEP-0280': { isEnabled: true }, kept: { bytes: Buffer.from('ä') } }
const unmanaged = { resource: 'a', target, generation: 4, lang: '', count: 9, isInterested: false, directed: [] }
const managed = { id: 'made-elsewhere', base: 3, maxSeconds: 300, isHibernating: true }
const sessionState = {
  isLoaded: true,
  slices,
  pending: 2,
  awaited: 'a1',
  reparks: 1,
  rosterVersion: 'v1',
  kicked: [{ target, count: 5 }],
  sessions: new Map<string, unknown>([
    ['a', { ...unmanaged, presence: undefined, slices: {}, sm: undefined }],
    [
      'b',
      {
        ...unmanaged,
        resource: 'b',
        lang: 'it',
        isInterested: true,
        presence,
        slices,
        directed: ['x@y/z'],
        sm: managed,
      },
    ],
  ]),
}
const routed = { target, isAvailable: true, priority: 5, slices }
const routingState = {
  slices,
  sessions: new Map<string, unknown>([
    ['a', routed],
    [
      'b',
      {
        ...routed,
        sm: { id: 'q', maxSeconds: 300, last: 2 ** 33, acked: 4, hibernation: { from: 6, bytes: 99 }, lostTo: 5 },
      },
    ],
  ]),
}
const entry = {
  isRedeliverable: true,
  isRequest: false,
  atMs: 1_764_000_000_123,
  to: 'é@b',
  holders: ['1-2-3', '4-5-6'],
  copies: ['7-8-9'],
  raw: Buffer.from('<message/>'),
}
const causes = [0, 63, 200].map((partition) => ({ inbox: 1, partition, offset: 2 ** 45 + partition, index: 131_075 }))

const isThere = (await run('git', ['cat-file', '-e', previousVersion], { show: false, timeoutMs: 10_000 })).code === 0

describe('versions side by side (R3): what one writes the other reads', {
  skip: isThere ? false : `the clone is shallow: ${previousVersion} is not in it`,
}, () => {
  let tree: OlderTree | undefined
  const pairs: (readonly [Version, Version])[] = []
  before(async () => {
    tree = await olderTree(previousVersion)
    const [older, now] = [await load('N-1', tree.directory), await load('N', root)]
    pairs.push([older, now], [now, older])
  })
  after(() => tree?.remove())

  /** What the reader makes of bytes is what the writer makes of them. */
  const same = (what: string, read: (by: Version) => unknown, [writer, reader]: readonly [Version, Version]): void => {
    const own = plain(read(writer))
    assert.notEqual(own, undefined, what)
    assert.deepEqual(plain(read(reader)), own, `${what}, written by ${writer.name}, read by ${reader.name}`)
  }

  it('envelopes in records, of every kind; none that the older does not know', () => {
    for (const pair of pairs) {
      const [writer, reader] = pair
      const known = Object.keys(writer.samples.samples).filter((kind) => kind in reader.codec.kindNumbers)
      if (writer.name === 'N') {
        const news = Object.keys(writer.samples.samples).filter((kind) => !known.includes(kind))
        assert.deepEqual(news, readOnly, 'kinds that N-1 cannot read')
      }
      for (const kind of known) {
        const value = writer.record.packRecord([writer.codec.encodeEnvelope(writer.samples.samples[kind])])
        const decoded = (by: Version): unknown =>
          by.record.unpackRecord(value).value?.map((bytes) => by.codec.decodeEnvelope(bytes).value)
        same(kind, decoded, pair)
      }
    }
  })

  it('the place in the log: causes seen so far, which travel with commits', () => {
    for (const pair of pairs) {
      const table = pair[0].causes.causeTable('')
      for (const cause of causes) assert.ok(table.accept(cause))
      same('causes', (by) => causes.map((cause) => by.causes.causeTable(table.encode()).accept(cause)), pair)
      assert.equal(pair[1].causes.causeTable(table.encode()).accept(causes[0]), false, 'it was seen')
    }
  })

  it('accounts as session and routing keep them in Redis, and what waits in their queues', () => {
    for (const pair of pairs) {
      const [writer] = pair
      const blank = writer.sessionAccount.blankAccount(jid)
      const fields = writer.session.changesOf(blank, { ...blank, ...sessionState }, 1)?.set ?? new Map()
      assert.ok(fields.size > 3)
      same('session', (by) => by.session.readAccount(jid, { mark: 1, fields }), pair)
      const routes = writer.routing.changedFields(writer.routing.nobody, routingState, new Set()).set
      assert.ok(routes.size > 3)
      same('routing', (by) => by.routing.readAccount({ mark: 1, fields: routes }), pair)
      const bytes = writer.queue.encodeEntry(entry)
      same('entry of a queue', (by) => by.queue.decodeEntry(bytes), pair)
    }
  })
})
