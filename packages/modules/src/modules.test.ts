import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRegistry, type IqKey, phases, type RoutingContext } from '@starling/core'
import type { Stanza } from '@starling/stanza'
import { xml } from '@starling/xml'
import { modules } from './modules.ts'
import { juliet, romeo, routingContext, session, sessionContext } from './testing/contexts.ts'
import { sameXml, stanzaOfText } from './testing/markup.ts'

const software = { name: 'Starling', version: '0.1.0' }
const registry = () => createRegistry(modules, {}, software)

function assertUnique(names: readonly string[]): void {
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
}

describe('the list of modules', () => {
  it('names each specification and each configuration section once', () => {
    assertUnique(modules.map((module) => module.spec.id))
    assertUnique(modules.map((module) => module.name))
    for (const { name } of modules) assert.match(name, /^[a-z][a-zA-Z]*$/)
  })

  it('is ordered by number, as the support table shows it', () => {
    const ids = modules.map((module) => module.spec.id)
    assert.deepEqual(ids, ids.toSorted())
  })

  it('R11: what pods take a request to switch is what its handler remembers', () => {
    const own = session(`${juliet}/balcony`, { slice: null })
    const all = modules.flatMap((module) =>
      Object.entries(module.switches ?? {}).map(([key, slice]) => ({ module, key: key as IqKey, slice })),
    )
    assert.ok(all.length >= 3)
    for (const { module, key, slice } of all) {
      const [, , namespace = '', name = ''] = /^(\w+ self) \{(.*)\}(.*)$/.exec(key) ?? []
      const context = sessionContext(module, { own, sessions: [own] })
      const request = stanzaOfText(`<iq type='set' id='1'/>`)
      const answer = module.iq?.[key]?.(xml(name, { xmlns: namespace }), context, request)
      const remembered = answer?.ok === true ? answer.effects?.filter((effect) => effect.do === 'remember') : []
      assert.deepEqual(remembered, [{ do: 'remember', slice }], key)
    }
  })

  it('is taken by the registry: no IQ is claimed twice', () => {
    assert.equal(registry().modules.length, modules.length)
  })

  it('has options whose defaults are within their range, with a unit and a sentence', () => {
    for (const module of modules) {
      for (const [name, option] of Object.entries(module.options ?? {})) {
        const where = `${module.name}.${name}`
        assert.match(option.doc, /\.$/, where)
        if (option.type !== 'int') continue
        assert.ok(option.default >= option.min && option.default <= (option.max ?? Number.POSITIVE_INFINITY), where)
        assert.ok(option.unit.length > 0, where)
      }
    }
  })

  it('begins with nothing switched on: no copies, no pushes, nobody blocked, everything archived', () => {
    const { initialSlice, initialAccountSlice } = registry()
    assert.deepEqual(initialSlice('XEP-0280'), { isEnabled: false })
    assert.deepEqual(initialSlice('XEP-0191'), { isListening: false })
    assert.deepEqual(initialAccountSlice('XEP-0191'), [])
    assert.deepEqual(initialAccountSlice('XEP-0441'), { default: 'always', always: [], never: [] })
  })

  it('says what is missing wherever something is', () => {
    for (const { spec } of modules) assert.ok(spec.status === 'complete' || spec.note !== undefined, spec.id)
  })

  it('has handlers at phases that exist, and readsArchive keys that are handled', () => {
    for (const module of modules) {
      for (const byPhase of Object.values(module.on ?? {})) {
        for (const phase of Object.keys(byPhase)) assert.ok((phases as readonly string[]).includes(phase), module.name)
      }
      for (const key of module.readsArchive ?? []) assert.ok(module.storedIq?.[key] !== undefined, key)
    }
  })

  it('advertises what XEP-0313 §7, XEP-0280 §3 and XEP-0191 §3.1 ask for, where they ask for it', () => {
    const { serverFeatures, accountFeatures } = registry().support
    for (const feature of ['urn:xmpp:carbons:2', 'urn:xmpp:carbons:rules:0', 'urn:xmpp:blocking', 'msgoffline']) {
      assert.ok(serverFeatures.includes(feature), feature)
    }
    for (const feature of ['urn:xmpp:mam:2', 'urn:xmpp:mam:2#extended', 'urn:xmpp:sid:0']) {
      assert.ok(accountFeatures.includes(feature), feature)
    }
  })
})

describe('the modules together, at routing.deliver', () => {
  const sessions = [session(`${juliet}/balcony`), session(`${juliet}/chamber`, { slice: { isEnabled: true } })]
  const run = (stanza: Stanza, over: Partial<RoutingContext> = {}) =>
    registry().runAll('routing.deliver', stanza, (id) => {
      const module = modules.find((one) => one.spec.id === id)
      assert.ok(module !== undefined)
      return routingContext(module, { sessions, chosen: ['balcony'], ...over })
    })
  const message = stanzaOfText(
    `<message from='${romeo}/o' to='${juliet}/balcony' type='chat'><body>hi</body></message>`,
  )

  it('a message is stamped before it is copied (XEP-0313 §3.5, XEP-0280 §7)', () => {
    const done = run(message)
    const stamped = `<message xmlns='jabber:client' from='${romeo}/o' to='${juliet}/balcony' type='chat'><body>hi</body>
      <stanza-id xmlns='urn:xmpp:sid:0' by='${juliet}' id='1000000000000001'/></message>`
    sameXml(done.stanza, stamped)
    const [one, ...more] = done.effects
    assert.deepEqual(more, [])
    assert.ok(one?.module === 'XEP-0280' && one.effect.do === 'deliver' && one.effect.resource === 'chamber')
    sameXml(
      one.effect.stanza,
      `<message from='${juliet}' to='${juliet}/chamber' type='chat'><received xmlns='urn:xmpp:carbons:2'>
         <forwarded xmlns='urn:xmpp:forward:0'>${stamped}</forwarded></received></message>`,
    )
  })

  it('nothing of a blocked address is stamped or copied (XEP-0191 §3.3)', () => {
    const done = run(message, { accountSlice: [romeo] })
    assert.deepEqual([done.isStopped, done.error?.condition, done.effects], [true, 'service-unavailable', []])
    assert.equal(done.stanza, message)
  })
})
