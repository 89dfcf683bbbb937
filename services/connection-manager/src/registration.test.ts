import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answer, ask, defineModule, refuseStep } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { stanzaError } from '@starling/stanza'
import { domain } from './test-support/fake-io.ts'
import { useHarness } from './test-support/harness.ts'

const start = useHarness()
const jid = `juliet@${domain}` as BareJid

const register = defineModule({
  spec: { id: 'XEP-0077', name: 'In-Band Registration', version: '2.4', status: 'complete' },
  name: 'registration',
  streamIq: {
    'get {jabber:iq:register}query': () => answer(),
    'set {jabber:iq:register}query': (_payload, context) =>
      ask('account.create', { jid, credentials: context.remoteAddress }, ({ isCreated }) =>
        isCreated ? answer() : refuseStep(stanzaError('conflict')),
      ),
  },
})

const set = "<iq type='set' id='r1'><query xmlns='jabber:iq:register'><username>juliet</username></query></iq>"

describe('stream IQs over a socket', () => {
  it('XEP-0077 §3.1: the chain is asked of storage, and the stream goes on to sign in', async () => {
    const { secure, fake } = await start({ modules: [register] })
    const ask = fake.answerWith
    fake.answerWith = (call) => (call.query === 'account.create' ? { ok: true, value: { isCreated: true } } : ask(call))
    const client = await secure()
    await client.open()
    client.send(set)
    await client.expect(/<iq type='result' id='r1'\/>/)
    assert.deepEqual(fake.asked, [{ query: 'account.create', args: { jid, credentials: '127.0.0.1' } }])
    assert.match(await client.scram('romeo', 'secret'), /<success/)
  })

  it('a refusal is answered by its error; storage away by resource-constraint', async () => {
    const { secure, fake } = await start({ modules: [register] })
    fake.answerWith = () => ({ ok: true, value: { isCreated: false } })
    const client = await secure()
    await client.open()
    client.send(set)
    await client.expect(/<iq type='error' id='r1'><error type='cancel'><conflict/)
    fake.answerWith = () => ({ ok: false, error: 'timeout' })
    client.send(set)
    await client.expect(/<iq type='error' id='r1'><error type='wait'><resource-constraint/)
  })

  it('perAddressPerHour limits registrations, not questions', async () => {
    const { secure, fake } = await start({ modules: [register], perAddressPerHour: 1 })
    fake.answerWith = () => ({ ok: true, value: { isCreated: true } })
    const client = await secure()
    await client.open()
    client.send(set)
    await client.expect(/<iq type='result'/)
    client.send(set)
    await client.expect(/<resource-constraint/)
    client.send(set.replace("'set'", "'get'"))
    await client.expect(/<iq type='result'/)
    assert.equal(fake.asked.length, 1)
  })

  it('R10: a handler that throws is a bug, answered and logged', async () => {
    const broken = defineModule({
      ...register,
      streamIq: {
        'get {jabber:iq:register}query': () => {
          throw new Error('bug')
        },
      },
    })
    const { secure, fake } = await start({ modules: [broken] })
    const client = await secure()
    await client.open()
    client.send(set.replace("'set'", "'get'"))
    await client.expect(/<internal-server-error/)
    assert.equal(fake.counts.errors.length, 1)
  })
})
