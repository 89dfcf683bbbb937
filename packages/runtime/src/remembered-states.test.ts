import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import type { AccountState, Presence, StateSave } from '@starling/core'
import type { BareJid } from '@starling/jid'
import fc from 'fast-check'
import { rememberStates } from './remembered-states.ts'
import { testMetrics } from './test-ports.ts'

const romeo = 'romeo@example.org' as BareJid
const juliet = 'juliet@example.org' as BareJid
const bytes = (text: string): Uint8Array => Buffer.from(text)

function save(
  account: BareJid,
  mark: number,
  fields: Readonly<Record<string, string>>,
  remove: string[] = [],
): StateSave {
  return { account, mark, set: new Map(Object.entries(fields).map(([name, text]) => [name, bytes(text)])), remove }
}

function plain({ mark, fields, decision }: AccountState | undefined = { mark: -2, fields: new Map() }) {
  const texts = Object.fromEntries([...fields].sort().map(([name, value]) => [name, Buffer.from(value).toString()]))
  return decision === undefined
    ? { mark, texts }
    : { mark, texts, until: decision.until, decided: Buffer.from(decision.bytes).toString() }
}

/** A server that counts what is read of it and may be connected to anew. */
function scene(maxBytes = 0) {
  const server = memoryPresence({ clock: () => 0 })
  let connections = 1
  let reads = 0
  let hold: Promise<void> | undefined
  const presence: Presence = {
    ...server,
    connections: () => connections,
    readStates: async (kind, accounts) => {
      reads += accounts.length
      const states = await server.readStates(kind, accounts)
      await hold
      return states
    },
  }
  const { presence: remembered, forget } = rememberStates(presence, {
    kind: 'session',
    maxBytes,
    metrics: testMetrics(),
  })
  const read = async (...accounts: readonly BareJid[]) => (await remembered.readStates('session', accounts)).map(plain)
  return {
    server,
    remembered,
    forget,
    read,
    reads: () => reads,
    reconnect: () => {
      connections += 1
    },
    /** Answers of reads wait until what is returned is called. */
    holdReads: (): (() => void) => {
      let go = (): void => {}
      hold = new Promise((resolve) => {
        go = () => {
          hold = undefined
          resolve()
        }
      })
      return go
    },
  }
}

describe('states in memory', () => {
  it('what was read is not read again; what was saved is what the next read gives', async () => {
    const { remembered, read, reads } = scene()
    assert.deepEqual(await read(romeo, juliet), [
      { mark: -1, texts: {} },
      { mark: -1, texts: {} },
    ])
    await remembered.saveStates('session', [save(romeo, 3, { phone: 'a', desk: 'b' })])
    await remembered.saveStates('session', [save(romeo, 4, { phone: 'c' }, ['desk', 'phone'])])
    assert.deepEqual(await read(juliet, romeo, romeo), [
      { mark: -1, texts: {} },
      { mark: 4, texts: { phone: 'c' } },
      { mark: 4, texts: { phone: 'c' } },
    ])
    assert.equal(reads(), 2)
  })

  it('another stage’s states are not kept', async () => {
    const { remembered, server } = scene()
    await remembered.readStates('routing', [romeo])
    await server.saveStates('routing', [save(romeo, 1, { phone: 'a' })])
    const [state] = await remembered.readStates('routing', [romeo])
    assert.equal(state?.mark, 1)
  })

  it('R3: a refused save means that another owner is ahead: the state is read anew', async () => {
    const { server, remembered, read, reads } = scene()
    await read(romeo)
    await server.saveStates('session', [save(romeo, 9, { phone: 'theirs' })])
    assert.deepEqual(await remembered.saveStates('session', [save(romeo, 5, { phone: 'ours' })]), [false])
    assert.deepEqual(await read(romeo), [{ mark: 9, texts: { phone: 'theirs' } }])
    assert.equal(reads(), 2)
  })

  it('R3: so does a decision on a state that is not there any more', async () => {
    const { server, remembered, read } = scene()
    await read(romeo)
    await server.saveStates('session', [save(romeo, 9, {})])
    const proposal = { account: romeo, mark: -1, until: 4, bytes: bytes('roster') }
    assert.deepEqual(await remembered.decideStates('session', [proposal]), ['stale'])
    assert.deepEqual(await read(romeo), [{ mark: 9, texts: {} }])
  })

  it('R11: on another connection nothing is remembered, nor what was under way', async () => {
    const { server, remembered, read, reads, reconnect, holdReads } = scene()
    await read(romeo)
    reconnect()
    await read(romeo)
    assert.equal(reads(), 2)
    const go = holdReads()
    const underWay = read(juliet)
    await server.saveStates('session', [save(juliet, 1, { phone: 'new' })])
    reconnect()
    go()
    assert.deepEqual(await underWay, [{ mark: -1, texts: {} }])
    assert.deepEqual(await read(juliet), [{ mark: 1, texts: { phone: 'new' } }])
    const saving = remembered.saveStates('session', [save(juliet, 2, { phone: 'newer' })])
    reconnect()
    await saving
    await server.saveStates('session', [save(juliet, 3, { phone: 'newest' })])
    assert.deepEqual(await read(juliet), [{ mark: 3, texts: { phone: 'newest' } }])
  })

  it('after forgetting nothing is remembered, nor what was under way', async () => {
    const { server, read, forget, holdReads } = scene()
    await read(romeo)
    const go = holdReads()
    const underWay = read(juliet)
    forget()
    go()
    await underWay
    await server.saveStates('session', [save(romeo, 1, {}), save(juliet, 2, {})])
    assert.deepEqual(await read(romeo, juliet), [
      { mark: 1, texts: {} },
      { mark: 2, texts: {} },
    ])
  })

  it('R8: what is kept holds on to no memory but its own', async () => {
    const view = (text: string): Uint8Array => Buffer.from(`--${text}--`.repeat(1_000)).subarray(2, 2 + text.length)
    const fields = new Map([['desk', view('read')]])
    const presence = { ...memoryPresence({ clock: () => 0 }), readStates: async () => [{ mark: 1, fields }] }
    const { presence: remembered } = rememberStates(presence, { kind: 'session', maxBytes: 0, metrics: testMetrics() })
    await remembered.readStates('session', [romeo])
    await remembered.saveStates('session', [{ ...save(romeo, 2, {}), set: new Map([['phone', view('saved')]]) }])
    const [state] = await remembered.readStates('session', [romeo])
    const kept = ['desk', 'phone'].map((name) => state?.fields.get(name))
    assert.deepEqual(
      kept.map((bytes) => [Buffer.from(bytes ?? []).toString(), bytes?.buffer.byteLength]),
      [
        ['read', 4],
        ['saved', 5],
      ],
    )
  })

  it('R8: above maxBytes the states longest unused go', async () => {
    const { read, reads } = scene(700)
    const nurse = 'nurse@example.org' as BareJid
    await read(romeo, juliet)
    await read(romeo)
    await read(nurse)
    assert.equal(reads(), 3)
    await read(romeo, nurse)
    assert.equal(reads(), 3)
    await read(juliet)
    assert.equal(reads(), 4)
  })

  it('property: to the one owner every read gives what presence holds, whatever was saved, decided and evicted', async () => {
    const accounts = [romeo, juliet, 'nurse@example.org' as BareJid]
    const names = ['phone', 'desk', 'car']
    const field = fc.constantFrom(...names)
    const step = fc.record({
      what: fc.constantFrom('save', 'save', 'decide', 'forget'),
      account: fc.constantFrom(...accounts),
      by: fc.integer({ min: 0, max: 3 }),
      set: fc.dictionary(field, fc.string({ maxLength: 200 })),
      remove: fc.uniqueArray(field),
      reach: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.constantFrom(0, 1_000), async (steps, maxBytes) => {
        const { server, remembered, read, forget } = scene(maxBytes)
        for (const { what, account, by, set, remove, reach } of steps) {
          const [{ mark }] = (await remembered.readStates('session', [account])) as [AccountState]
          const decision = reach === undefined ? {} : { decision: { until: mark + reach, bytes: bytes(`of ${mark}`) } }
          if (what === 'save')
            await remembered.saveStates('session', [{ ...save(account, mark + by, set, remove), ...decision }])
          else if (what === 'decide') {
            await remembered.decideStates('session', [{ account, mark, until: mark + by, bytes: bytes(`by ${by}`) }])
          } else forget()
          const held = (await server.readStates('session', accounts)).map(plain)
          assert.deepEqual(await read(...accounts), held)
        }
      }),
    )
  })
})
