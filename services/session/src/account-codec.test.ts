import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid, Jid } from '@starling/jid'
import fc from 'fast-check'
import { type Account, blankAccount, type Session } from './account.ts'
import { accountReader, changesOf, encodeSession, readAccount, touchedBy } from './account-codec.ts'
import { nameOf } from './stream-management.ts'

const jid = 'romeo@example.org' as BareJid
const plain = { noNullPrototype: true } as const
const resource = fc.string({ minLength: 1, maxLength: 8 })
const slices = fc.dictionary(fc.constantFrom('XEP-0191', 'XEP-0280', 'XEP-0313'), fc.oneof(fc.string(), fc.integer()), {
  noNullPrototype: true,
})
const target = fc.record({ slot: fc.nat(255), epoch: fc.nat(), connection: fc.nat() }, plain)
const unmanaged: fc.Arbitrary<Session> = fc.record(
  {
    resource,
    target,
    generation: fc.nat(),
    lang: fc.constantFrom('', 'en', 'de-CH'),
    count: fc.nat(),
    isInterested: fc.boolean(),
    presence: fc.option(fc.record({ priority: fc.integer({ min: -128, max: 127 }), raw: fc.uint8Array() }, plain), {
      nil: undefined,
    }),
    slices,
    directed: fc.array(fc.constantFrom('a@example.org' as Jid, 'b@example.org/x' as Jid), { maxLength: 3 }),
    sm: fc.constant(undefined),
  },
  plain,
)
const sm = fc.record(
  { id: fc.constantFrom('own', '2-9-7'), base: fc.nat(), maxSeconds: fc.nat(), isHibernating: fc.boolean() },
  plain,
)
const session: fc.Arbitrary<Session> = fc.tuple(unmanaged, fc.option(sm)).map(([one, managed]) => {
  if (managed === null) return one
  return { ...one, sm: { ...managed, id: managed.id === 'own' ? nameOf(one.target) : managed.id } }
})
const account: fc.Arbitrary<Account> = fc
  .record(
    {
      isLoaded: fc.boolean(),
      pending: fc.nat(3),
      awaited: fc.constantFrom('', 'a1', 'a1~'),
      reparks: fc.nat(2),
      rosterVersion: fc.constantFrom('', 'v1'),
      slices,
      sessions: fc.array(session, { maxLength: 3 }),
      kicked: fc.array(fc.record({ target, count: fc.nat() }, plain), { maxLength: 2 }),
    },
    plain,
  )
  .map(({ sessions, ...rest }) => ({
    ...rest,
    jid,
    slices: rest.isLoaded ? rest.slices : {},
    sessions: new Map(sessions.map((one) => [one.resource, one])),
  }))
  .map((made) => (made.sessions.size + made.kicked.length === 0 && made.pending === 0 ? blankAccount(jid) : made))

describe('the state of an account in the presence port', () => {
  it('reads back as it was saved, from any state before', () => {
    fc.assert(
      fc.property(account, account, (before, after) => {
        const fields = new Map(changesOf(blankAccount(jid), before, 1)?.set ?? [])
        assert.deepEqual(readAccount(jid, { mark: 1, fields }), before)
        const change = changesOf(before, after, 2)
        for (const [field, bytes] of change?.set ?? []) fields.set(field, bytes)
        for (const field of change?.remove ?? []) fields.delete(field)
        assert.deepEqual(readAccount(jid, { mark: 2, fields }), after)
      }),
    )
  })

  it('a reader that remembers reads what one does that does not, whatever was saved in between', () => {
    const read = accountReader()
    fc.assert(
      fc.property(account, account, (before, after) => {
        const fields = new Map(changesOf(blankAccount(jid), before, 1)?.set ?? [])
        assert.deepEqual(read(jid, { mark: 1, fields }), before)
        assert.deepEqual(read(jid, { mark: 1, fields }).sessions, before.sessions)
        const change = changesOf(before, after, 2)
        for (const [field, bytes] of change?.set ?? []) fields.set(field, bytes)
        for (const field of change?.remove ?? []) fields.delete(field)
        assert.deepEqual(read(jid, { mark: 2, fields }), after)
      }),
    )
  })

  it('a session that did not change is decoded once, and again when its presence did', () => {
    const read = accountReader()
    const fields = new Map<string, Uint8Array>([
      ['r:x', Buffer.from('[3,70,9,5,12,3,7]')],
      ['p:x', new Uint8Array([1])],
    ])
    const first = read(jid, { mark: 1, fields }).sessions.get('x')
    assert.equal(read(jid, { mark: 2, fields: new Map(fields) }).sessions.get('x'), first)
    fields.set('p:x', new Uint8Array([2]))
    assert.deepEqual(read(jid, { mark: 3, fields }).sessions.get('x')?.presence?.raw, new Uint8Array([2]))
    fields.delete('p:x')
    assert.equal(read(jid, { mark: 4, fields }).sessions.get('x')?.presence, undefined)
  })

  it('R3: a save takes what another owner saved of the states between to where it should be', () => {
    fc.assert(
      fc.property(account, account, account, (before, between, after) => {
        const fields = new Map(changesOf(blankAccount(jid), before, 1)?.set ?? [])
        const save = (change: ReturnType<typeof changesOf>): void => {
          for (const [field, bytes] of change?.set ?? []) fields.set(field, bytes)
          for (const field of change?.remove ?? []) fields.delete(field)
        }
        save(changesOf(before, between, 2))
        save(changesOf(before, after, 3, new Set([...touchedBy(before, between), ...touchedBy(between, after)])))
        assert.deepEqual(readAccount(jid, { mark: 3, fields }), after)
      }),
    )
  })

  it('only what changed is written', () => {
    const one: Session = {
      resource: 'orchard',
      target: { slot: 1, epoch: 2, connection: 3 },
      generation: 1,
      lang: '',
      count: 1,
      isInterested: true,
      presence: { priority: 5, raw: new Uint8Array([1]) },
      slices: {},
      directed: [],
      sm: undefined,
    }
    const before: Account = {
      ...blankAccount(jid),
      isLoaded: true,
      sessions: new Map([
        ['orchard', one],
        ['balcony', { ...one, resource: 'balcony' }],
      ]),
    }
    assert.equal(changesOf(before, before, 9), undefined)
    const counted = { ...before, sessions: new Map(before.sessions).set('orchard', { ...one, count: 2 }) }
    assert.deepEqual([...(changesOf(before, counted, 9)?.set.keys() ?? [])], ['r:orchard'])
    assert.deepEqual(changesOf(before, counted, 9)?.remove, [])
    const { presence: _, ...rest } = one
    const silent = { ...before, sessions: new Map(before.sessions).set('orchard', { ...rest, presence: undefined }) }
    assert.deepEqual(changesOf(before, silent, 9)?.remove, ['p:orchard'])
    assert.deepEqual([...(changesOf(before, blankAccount(jid), 9)?.remove ?? [])].sort(), [
      '@',
      'p:balcony',
      'p:orchard',
      'r:balcony',
      'r:orchard',
    ])
  })

  it('DESIGN §3: a session of an ordinary client takes at most 400 bytes less the 136 that a user costs anyway', () => {
    const ordinary: Session = {
      resource: 'gajim.KX7H2QWP',
      target: { slot: 200, epoch: 123_456_789_012, connection: 4_000_000 },
      generation: 1000,
      lang: 'en',
      count: 1_000_000,
      isInterested: true,
      presence: { priority: 50, raw: new Uint8Array(0) },
      slices: { 'XEP-0280': { isEnabled: true } },
      directed: [],
      sm: {
        id: nameOf({ slot: 201, epoch: 123_456_789_000, connection: 4_000_001 }),
        base: 3,
        maxSeconds: 300,
        isHibernating: true,
      },
    }
    const made = { ...blankAccount(jid), isLoaded: true, sessions: new Map([[ordinary.resource, ordinary]]) }
    let bytes = 0
    for (const [field, value] of changesOf(blankAccount(jid), made, 1)?.set ?? []) bytes += field.length + value.length
    assert.ok(bytes <= 264, `${bytes} bytes`)
  })

  it('a session without stream management takes what it took before, one that has it at most 40 bytes more', () => {
    const target = { slot: 200, epoch: 123_456_789_012, connection: 4_000_000 }
    const head = { resource: 'x', target, generation: 1, lang: '', count: 1, isInterested: true }
    const one: Session = { ...head, presence: undefined, slices: {}, directed: [], sm: undefined }
    const bytes = encodeSession(one)
    assert.equal(Buffer.from(bytes).toString(), '[200,123456789012,4000000,1,1,1,0]')
    const id = nameOf(target)
    const sizes = [id, nameOf({ ...target, connection: 4_000_001 })].map(
      (smId) => encodeSession({ ...one, sm: { id: smId, base: 0, maxSeconds: 300, isHibernating: false } }).length,
    )
    assert.ok((sizes[0] ?? 0) <= bytes.length + 17 && (sizes[1] ?? 0) <= bytes.length + 40, `${sizes}`)
  })

  it('sessions saved before there was stream management are read', () => {
    const old = '[3,70,9,5,12,3,7,"en",{"XEP-0280":{"isEnabled":true}},["a@example.org"]]'
    const fields = new Map([
      ['r:x', Buffer.from(old)],
      ['p:x', new Uint8Array([1])],
      ['r:y', Buffer.from('[3,70,9,5,12,0,0]')],
    ])
    const { sessions } = readAccount(jid, { mark: 3, fields })
    const [x, y] = ['x', 'y'].map((name) => sessions.get(name))
    assert.deepEqual([x?.sm, x?.directed, x?.presence?.priority, x?.lang], [undefined, ['a@example.org'], 7, 'en'])
    assert.deepEqual([y?.sm, y?.count, y?.directed], [undefined, 12, []])
    assert.equal(Buffer.from(encodeSession(x as Session)).toString(), old)
  })

  it('a field that is not ours counts as missing', () => {
    const fields = new Map([
      ['@', new Uint8Array([0])],
      ['r:x', new Uint8Array([1, 2])],
      ['r:y', Buffer.from('{}')],
      ['z', new Uint8Array()],
    ])
    assert.deepEqual(readAccount(jid, { mark: 3, fields }), blankAccount(jid))
  })
})
