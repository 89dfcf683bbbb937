import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StreamContext } from '@starling/core'
import { decodeCredentials } from '@starling/sasl'
import fc from 'fast-check'
import { juliet, streamContext } from '../testing/contexts.ts'
import { type Answers, type Ended, runSteps } from '../testing/drive.ts'
import { elementOfText, sameXml } from '../testing/markup.ts'
import { registration } from './registration.ts'

const query = (inner: string) => `<query xmlns='jabber:iq:register'>${inner}</query>`
const fields = (username: string, password: string) =>
  query(`<username>${username}</username><password>${password}</password>`)
const open = { inBand: true, scramIterations: 4096 }

type Kept = { readonly jid: string; readonly credentials: string }
function keep(): { answers: Answers; kept: Kept[] } {
  const kept: Kept[] = []
  return {
    kept,
    answers: {
      'account.create': (args) => {
        const isCreated = !kept.some((one) => one.jid === args.jid)
        if (isCreated) kept.push(args)
        return { isCreated }
      },
      'account.setCredentials': (args) => {
        kept.push(args)
        return { isFound: args.jid === juliet }
      },
      'account.delete': ({ jid }) => ({ isFound: jid === juliet }),
    },
  }
}
const onStream = (
  type: 'get' | 'set',
  inner: string,
  { over = {}, given = open, answers = {} }: { over?: Partial<StreamContext>; given?: object; answers?: Answers } = {},
): Promise<Ended> => {
  const handler = registration.streamIq?.[`${type} {jabber:iq:register}query`]
  assert.ok(handler !== undefined)
  return runSteps(handler(elementOfText(inner), streamContext(registration, over, { ...given })), answers)
}
const condition = async (ended: Promise<Ended>) => (await ended).error?.condition

describe('XEP-0077 In-Band Registration, before authentication', () => {
  it('§3.1 example 2: the fields that are needed', async () => {
    const ended = await onStream('get', query(''))
    sameXml(
      ended.payload,
      query('<instructions>Choose a username and a password.</instructions><username/><password/>'),
    )
  })

  it('§3.1 examples 5, 6: an account is made, with keys instead of its password', async () => {
    const { answers, kept } = keep()
    const ended = await onStream('set', fields('Bill', 'Calliope'), { answers })
    assert.deepEqual([ended.error, ended.payload], [undefined, undefined])
    const [account] = kept
    assert.equal(account?.jid, 'bill@capulet.example')
    const credentials = decodeCredentials(account?.credentials ?? '')
    assert.ok(credentials.ok)
    assert.equal(credentials.value.sha256.iterations, 4096)
    assert.doesNotMatch(account?.credentials ?? '', /Calliope/)
  })

  it('§3.1 example 7: a name that is taken is a conflict, whatever its spelling', async () => {
    const { answers } = keep()
    await onStream('set', fields('bill', 'Calliope'), { answers })
    assert.equal(await condition(onStream('set', fields('BILL', 'm1cro$oft'), { answers })), 'conflict')
  })

  it('§3.1 example 8: what is missing, empty or no name is not acceptable', async () => {
    for (const inner of [
      query(''),
      query('<username>bill</username>'),
      query('<password>x</password>'),
      fields('bill', ''),
      fields('', 'x'),
      fields('b@d', 'x'),
      fields('bill', 'x'.repeat(2000)),
    ]) {
      assert.equal(await condition(onStream('set', inner)), 'not-acceptable', inner)
    }
  })

  it('§3.1: service-unavailable while it is off, which is the default', async () => {
    for (const type of ['get', 'set'] as const) {
      assert.equal(await condition(onStream(type, fields('bill', 'x'), { given: {} })), 'service-unavailable')
    }
  })

  it('§11: not without TLS', async () => {
    for (const type of ['get', 'set'] as const) {
      const over = { isSecure: false }
      assert.equal(await condition(onStream(type, fields('bill', 'x'), { over })), 'not-authorized')
    }
  })

  it('§3.2: nobody who has no account can remove one', async () => {
    assert.equal(await condition(onStream('set', query('<remove/>'))), 'unexpected-request')
  })

  it('§8: the stream feature, where it is allowed, safe and not too late', () => {
    const features = (isSecure: boolean, isAuthenticated: boolean, inBand: boolean) =>
      registration.streamFeatures?.({ isSecure, isAuthenticated, option: () => inBand }) ?? []
    sameXml(features(true, false, true)[0], "<register xmlns='http://jabber.org/features/iq-register'/>")
    assert.deepEqual(
      [features(false, false, true), features(true, true, true), features(true, false, false)],
      [[], [], []],
    )
  })

  it('whatever the fields hold, an answer or an error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[ -%'-;=?-~]{0,20}$/),
        fc.stringMatching(/^[ -%'-;=?-~]{0,5}$/),
        async (name, word) => {
          const ended = await onStream('set', fields(name, word), { answers: keep().answers })
          assert.ok(ended.error === undefined || ended.error.condition === 'not-acceptable')
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('XEP-0077 In-Band Registration, for an account', () => {
  const set = (inner: string, given: object = {}, answers: Answers = {}) =>
    onStream('set', inner, { over: { account: juliet }, given: { scramIterations: 4096, ...given }, answers })

  it('§3.1 example 4: what is on file, without the password', async () => {
    const ended = await onStream('get', query(''), { over: { account: juliet } })
    sameXml(ended.payload, query('<registered/><username>juliet</username><password/>'))
  })

  it('§3.3: the password changes, over TLS alone', async () => {
    const { answers, kept } = keep()
    assert.equal((await set(fields('Juliet', 'newpass'), {}, answers)).error, undefined)
    assert.deepEqual(
      kept.map(({ jid, credentials }) => [jid, decodeCredentials(credentials).ok]),
      [[juliet, true]],
    )
    const over = { account: juliet, isSecure: false }
    assert.equal(await condition(onStream('set', fields('juliet', 'newpass'), { over, answers })), 'not-authorized')
  })

  it("§3.3: an incomplete request is bad, another's account forbidden", async () => {
    assert.equal(await condition(set(query('<password>x</password>'))), 'bad-request')
    assert.equal(await condition(set(query('<username>juliet</username><password/>'))), 'bad-request')
    assert.equal(await condition(set(fields('romeo', 'x'))), 'forbidden')
    assert.equal(await condition(set(fields('juliet', 'x'.repeat(2000)))), 'not-acceptable')
  })

  it('§3.2 examples 13, 14: the account ends', async () => {
    const { answers } = keep()
    const ended = await set(query('<remove/>'), {}, answers)
    assert.deepEqual(ended.asked, [{ query: 'account.delete', args: { jid: juliet } }])
    assert.equal(ended.error, undefined)
  })

  it('§3.2: <remove/> stands alone, and only an account can be removed', async () => {
    assert.equal(await condition(set(query('<remove/><username>juliet</username>'))), 'bad-request')
    const gone = { 'account.delete': () => ({ isFound: false }) }
    assert.equal(await condition(set(query('<remove/>'), {}, gone)), 'registration-required')
  })

  it('§3.2, §3.3: not-allowed where accounts are managed elsewhere', async () => {
    const given = { selfService: false }
    assert.equal(await condition(set(query('<remove/>'), given)), 'not-allowed')
    assert.equal(await condition(set(fields('juliet', 'x'), given)), 'not-allowed')
  })
})
