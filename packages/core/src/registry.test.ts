import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Jid } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { xml } from '@starling/xml'
import { change, pass, refuse, stop } from './effect.ts'
import { defineModule, type IqKey, type Module, type Points } from './module.ts'
import { createRegistry } from './registry.ts'
import { answer, ask } from './step.ts'

const software = { name: 'Starling', version: '0' }
const stanza: Stanza = {
  kind: 'message',
  type: 'chat',
  id: '1',
  from: 'romeo@example.net/o' as Jid,
  to: 'juliet@example.net' as Jid,
  payloads: [],
  raw: Buffer.from('<message/>'),
}
const context = () => ({}) as Points['session.sent']

function moduleOf(id: number, more: Omit<Partial<Module>, 'spec'>): Module {
  const spec = { id: `XEP-000${id}`, name: `Module ${id}`, version: '1', status: 'complete' } as const
  return defineModule({ spec, name: `module${id}`, ...more })
}

const marking = (mark: string) => (one: Stanza) => change({ ...one, id: `${one.id} ${mark}` })

describe('the registry: points and phases', () => {
  it('phases run in their order, whatever the order of the list; within a phase the list decides', () => {
    const late = moduleOf(1, { on: { 'session.sent': { trim: marking('trim'), stamp: marking('stamp 1') } } })
    const early = moduleOf(2, { on: { 'session.sent': { guard: marking('guard'), stamp: marking('stamp 2') } } })
    const run = createRegistry([late, early], {}, software).runAll('session.sent', stanza, context)
    assert.equal(run.stanza.id, '1 guard stamp 1 stamp 2 trim')
    assert.equal(run.isStopped, false)
  })

  it('who stops ends it, with its error; effects of all that ran are kept, each with its module', () => {
    const remember = { do: 'remember', slice: true } as const
    const first = moduleOf(1, { on: { 'session.sent': { guard: () => pass(remember) } } })
    const second = moduleOf(2, {
      on: { 'session.sent': { guard: () => refuse({ condition: 'forbidden', type: 'auth' }, remember) } },
    })
    const third = moduleOf(3, {
      on: { 'session.sent': { guard: () => assert.fail('not reached'), stamp: () => assert.fail('nor this') } },
    })
    const run = createRegistry([first, second, third], {}, software).runAll('session.sent', stanza, context)
    assert.deepEqual([run.isStopped, run.error?.condition], [true, 'forbidden'])
    assert.deepEqual(
      run.effects.map(({ module, effect }) => [module, effect.do]),
      [
        ['XEP-0001', 'remember'],
        ['XEP-0002', 'remember'],
      ],
    )
    const quiet = createRegistry([moduleOf(4, { on: { 'session.sent': { guard: () => stop() } } })], {}, software)
    assert.deepEqual(quiet.run('session.sent', 'guard', stanza, context).error, undefined)
  })

  it('a module’s context is made for it', () => {
    const asked: string[] = []
    const list = [1, 2].map((id) => moduleOf(id, { on: { 'session.sent': { guard: () => pass() } } }))
    createRegistry(list, {}, software).run('session.sent', 'guard', stanza, (moduleId) => {
      asked.push(moduleId)
      return context()
    })
    assert.deepEqual(asked, ['XEP-0001', 'XEP-0002'])
  })
})

describe('the registry: requests', () => {
  const ping: IqKey = 'get domain {urn:xmpp:ping}ping'
  const session = () => ({ ok: true }) as const
  const stored = () => answer()

  it('finds by type, scope and payload; what serves any account serves one’s own too, unless self has its own', () => {
    const registry = createRegistry(
      [
        moduleOf(1, { iq: { [ping]: session, 'get account {a}a': session, 'get self {b}b': session } }),
        moduleOf(2, {
          storedIq: { 'get account {b}b': stored, 'set self {c}c': stored },
          readsArchive: ['set self {c}c'],
        }),
      ],
      {},
      software,
    )
    const found = (type: string, scope: 'self' | 'account' | 'domain', payload: string) => {
      const iq = registry.findIq(type, scope, payload)
      return iq === undefined ? undefined : [iq.module, iq.at, iq.at === 'storage' && iq.readsArchive]
    }
    assert.deepEqual(found('get', 'domain', '{urn:xmpp:ping}ping'), ['XEP-0001', 'session', false])
    assert.equal(found('set', 'domain', '{urn:xmpp:ping}ping'), undefined)
    assert.equal(found('get', 'self', '{urn:xmpp:ping}ping'), undefined)
    assert.deepEqual(found('get', 'self', '{a}a'), ['XEP-0001', 'session', false])
    assert.deepEqual(found('get', 'self', '{b}b'), ['XEP-0001', 'session', false])
    assert.deepEqual(found('get', 'account', '{b}b'), ['XEP-0002', 'storage', false])
    assert.deepEqual(found('set', 'self', '{c}c'), ['XEP-0002', 'storage', true])
  })

  it('two modules for one request are a bug of the list', () => {
    const list = [moduleOf(1, { iq: { [ping]: session } }), moduleOf(2, { storedIq: { [ping]: stored } })]
    assert.throws(() => createRegistry(list, {}, software), /two modules claim get domain/)
  })

  it('a stream’s requests are apart', () => {
    const streamIq = { 'get {r}r': () => ask('account.get', { jid: 'a@b' as never }, () => answer()) } as const
    const registry = createRegistry([moduleOf(1, { streamIq })], {}, software)
    assert.equal(registry.findStreamIq('get', '{r}r')?.module, 'XEP-0001')
    assert.equal(registry.findStreamIq('set', '{r}r'), undefined)
    assert.equal(registry.findIq('get', 'domain', '{r}r'), undefined)
  })
})

describe('the registry: options and support', () => {
  const optional = moduleOf(1, {
    features: ['urn:b', 'urn:a'],
    accountFeatures: ['urn:account'],
    identities: [{ category: 'server', type: 'im' }],
    options: {
      limit: { type: 'int', default: 5, min: 1, unit: 'things', doc: 'x' },
      on: { type: 'bool', default: false, doc: 'x' },
    },
    slice: 'session slice',
    accountSlice: ['account slice'],
    isOn: (option) => option('on') === true,
    streamFeatures: ({ isSecure }) => (isSecure ? [xml('feature')] : []),
  })

  it('a module that is off is not there at all', () => {
    const off = createRegistry([optional], {}, software)
    assert.deepEqual([off.modules, off.support.serverFeatures], [[], []])
    assert.deepEqual(off.streamFeatures({ isSecure: true, isAuthenticated: false }), [])
  })

  it('options are what was configured, else the default; an unknown one is a bug', () => {
    const on = createRegistry([optional], { module1: { on: true } }, software)
    assert.deepEqual([on.option('XEP-0001', 'on'), on.option('XEP-0001', 'limit')], [true, 5])
    assert.throws(() => on.option('XEP-0001', 'nothing'), /no option/)
    assert.throws(() => on.option('XEP-0009', 'limit'), /no option/)
  })

  it('support adds up what modules declare, sorted and once', () => {
    const twin = moduleOf(2, { features: ['urn:a', 'urn:c'] })
    const { support, ...registry } = createRegistry([optional, twin], { module1: { on: true } }, software)
    assert.deepEqual(support.serverFeatures, ['urn:a', 'urn:b', 'urn:c'])
    assert.deepEqual(
      [support.accountFeatures, support.identities.length, support.software],
      [['urn:account'], 1, software],
    )
    assert.deepEqual(
      [registry.initialSlice('XEP-0001'), registry.initialAccountSlice('XEP-0001')],
      ['session slice', ['account slice']],
    )
    assert.deepEqual([registry.initialSlice('XEP-0002'), registry.initialAccountSlice('XEP-0002')], [null, null])
    assert.equal(registry.streamFeatures({ isSecure: true, isAuthenticated: false }).length, 1)
    assert.equal(registry.streamFeatures({ isSecure: false, isAuthenticated: false }).length, 0)
  })
})
