import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { HeldTokens } from './fast.ts'
import { isWaiting } from './stream.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamEvent } from './stream-state.ts'
import {
  account,
  agent,
  authenticate,
  base64,
  bindElement,
  bound,
  elements,
  jid,
  plain,
  run,
  scene,
  secure,
  signedIn,
  uuid,
} from './test-support/sasl2.ts'

describe('XEP-0198 §9.2 resumption inside of the sign-in', () => {
  const resume = "<resume xmlns='urn:xmpp:sm:3' previd='a-1' h='5'/>"
  const resumed: StreamEvent = {
    kind: 'signal',
    head: { signal: 'resumed', smId: 'a-1', jid, maxSeconds: 300, count: 9, ordinal: 12, acked: 5 },
  }

  it('it comes first; with it <bind/> is ignored, and no features follow', async () => {
    const asked = await plain(`${agent}${resume}${bindElement()}`)
    assert.deepEqual(asked.effects.at(-1), { do: 'resume', signedIn, smId: 'a-1', h: 5 })
    const end = run(asked.state, [resumed])
    assert.equal(
      end.written,
      `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>${jid}</authorization-identifier><resumed xmlns='urn:xmpp:sm:3' previd='a-1' h='9'/></success>`,
    )
    assert.deepEqual(end.done, ['write', 'resumed', 'bound'])
    assert.deepEqual(end.state.phase, { kind: 'bound', account, jid, sm: 'on' })
  })

  it('§9.2.1: where it fails, <failed/> is in the answer, and the bind goes on', async () => {
    const asked = await plain(`${resume}${bindElement("<enable xmlns='urn:xmpp:sm:3'/>")}`)
    const refused = run(asked.state, [{ kind: 'signal', head: { signal: 'resumeRefused', h: 3 } }])
    assert.deepEqual(refused.done, ['bind'])
    const end = run(refused.state, [bound, { kind: 'signal', head: { signal: 'enabled', smId: 'b-2', maxSeconds: 0 } }])
    assert.ok(
      end.written.startsWith(
        `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>${jid}</authorization-identifier>` +
          "<failed xmlns='urn:xmpp:sm:3' h='3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>" +
          "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3'/></bound></success>",
      ),
      end.written,
    )
  })

  it('without a bind the client is signed in and may bind as ever', async () => {
    const asked = await plain(resume)
    const end = run(asked.state, [{ kind: 'signal', head: { signal: 'resumeRefused' } }])
    assert.match(
      end.written,
      /<failed xmlns='urn:xmpp:sm:3'><item-not-found [^>]*><\/failed><\/success><stream:features><bind /,
    )
    assert.equal(end.state.phase.kind, 'authenticated')
  })

  it('a request that is none fails at once', async () => {
    const end = await plain("<resume xmlns='urn:xmpp:sm:3' previd='a-1' h='x'/>")
    assert.match(end.written, /<failed xmlns='urn:xmpp:sm:3'><bad-request /)
  })
})

describe('XEP-0484 tokens', () => {
  const proof = createHmac('sha256', 'token-text').update('Initiator').digest()
  const initial = Buffer.concat([Buffer.from('romeo\0'), proof])
  const slot = { nonce: 'n', mechanism: 'HT-SHA-256-NONE', expiresAtMs: 9, count: 0 }
  const held = (isExpired = false): HeldTokens => ({
    client: uuid,
    credentials: 'c',
    slots: { current: slot },
    names: ['current'],
    candidates: [{ token: 'token-text', isExpired }],
  })
  const fast = (attributes = ''): string => `<fast xmlns='urn:xmpp:fast:0'${attributes}/>`

  it('§3.2: a token is asked for with a password: it is settled before anything else, and stands in the answer', async () => {
    const asked = await plain(`${agent}<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>`)
    const [effect] = asked.effects
    assert.deepEqual(effect?.do === 'settleTokens' ? [effect.account, effect.request.tokenMechanism] : effect, [
      account,
      'HT-SHA-256-NONE',
    ])
    const issued = { token: 'abc', expiresAtMs: Date.UTC(2026, 0, 2) }
    const end = run(asked.state, [{ kind: 'tokensSettled', ok: true, issued }])
    assert.match(
      end.written,
      /<\/authorization-identifier><token xmlns='urn:xmpp:fast:0' expiry='2026-01-02T00:00:00.000Z' token='abc'\/><\/success>/,
    )
  })

  it('§3.2, §4.1: none for a mechanism that is not offered, nor for a client that does not say who it is', async () => {
    const wanted = (mechanism: string): string => `<request-token xmlns='urn:xmpp:fast:0' mechanism='${mechanism}'/>`
    for (const inner of [agent + wanted('HT-SHA-256-EXPR'), wanted('HT-SHA-256-NONE')]) {
      assert.ok(!(await plain(inner)).done.includes('settleTokens'))
    }
  })

  it('§3.4: one message signs in: look-up, settling, then what is inside', () => {
    const text = authenticate('HT-SHA-256-NONE', initial, `${agent}${fast(" count='4'")}${bindElement()}`)
    const asked = run(secure(), elements(text))
    assert.deepEqual(asked.effects, [{ do: 'lookUpTokens', account, client: uuid, mechanism: 'HT-SHA-256-NONE' }])
    assert.ok(isWaiting(asked.state))
    const found = run(asked.state, [{ kind: 'tokensFound', held: held() }])
    const [effect] = found.effects
    assert.deepEqual(effect?.do === 'settleTokens' ? [effect.used?.index, effect.request.fast] : effect, [
      0,
      { isInvalidating: false, count: 4 },
    ])
    assert.ok(isWaiting(found.state))
    const settled = run(found.state, [{ kind: 'tokensSettled', ok: true, signedIn }])
    assert.deepEqual(settled.done, ['signedIn', 'bind'])
    const responder = base64(createHmac('sha256', 'token-text').update('Responder').digest())
    const end = run(settled.state, [bound])
    assert.ok(
      end.written.startsWith(`<success xmlns='urn:xmpp:sasl:2'><additional-data>${responder}</additional-data>`),
    )
  })

  it('§3.4, §4.2: a wrong, an old and a replayed token are refused as the XEP names it', () => {
    const asked = run(secure(), elements(authenticate('HT-SHA-256-NONE', initial, `${agent}${fast()}`)))
    const answer = (event: StreamEvent) => run(asked.state, [event])
    assert.match(answer({ kind: 'tokensFound', held: held(true) }).written, /<credentials-expired /)
    const none = { ...held(), candidates: [], names: [] }
    assert.match(answer({ kind: 'tokensFound', held: none }).written, /<not-authorized /)
    const found = answer({ kind: 'tokensFound', held: held() })
    const replayed = run(found.state, [{ kind: 'tokensSettled', ok: false, condition: 'not-authorized' }])
    assert.match(replayed.written, /<not-authorized /)
    assert.equal(replayed.state.failures, 1)
    for (const count of ['0', '-1', 'x', '1.5']) {
      const text = authenticate('HT-SHA-256-NONE', initial, `${agent}${fast(` count='${count}'`)}`)
      assert.match(run(secure(), elements(text)).written, /<malformed-request /, count)
    }
  })

  it('§3.1, §4.1: not without <fast/>, without a client id, where tokens are off', () => {
    const failureOf = (text: string, changes: Partial<StreamScene> = {}): string =>
      run(secure(), elements(text), { ...scene, ...changes }).written
    assert.match(failureOf(authenticate('HT-SHA-256-NONE', initial, agent)), /<invalid-mechanism /)
    assert.match(failureOf(authenticate('HT-SHA-256-NONE', initial, fast())), /<invalid-mechanism /)
    const good = authenticate('HT-SHA-256-NONE', initial, `${agent}${fast()}`)
    assert.match(failureOf(good, { areTokensOn: false }), /<invalid-mechanism /)
  })
})

describe('hostile input', () => {
  it('whatever comes in whatever order, nothing throws, and nobody is bound without a proof', () => {
    const texts = [
      authenticate('PLAIN', '\0romeo\0wrong', bindElement()),
      authenticate('SCRAM-SHA-1', 'n,,n=romeo,r=x', `${agent}<resume xmlns='urn:xmpp:sm:3'/>`),
      authenticate('HT-SHA-256-NONE', Buffer.alloc(40, 1), `${agent}<fast xmlns='urn:xmpp:fast:0' count='1'/>`),
      "<authenticate xmlns='urn:xmpp:sasl:2'><bind xmlns='urn:xmpp:bind:0'><tag/><tag/></bind></authenticate>",
      "<response xmlns='urn:xmpp:sasl:2'>bm8=</response>",
      "<abort xmlns='urn:xmpp:sasl:2'><text>no</text></abort>",
      "<next xmlns='urn:xmpp:sasl:2' task='x'/>",
      '<presence/>',
    ].flatMap((text) => elements(text))
    const events: readonly StreamEvent[] = [
      ...texts,
      bound,
      { kind: 'output', raw: new Uint8Array() },
      { kind: 'delayed' },
      { kind: 'lookedUp', credentials: undefined, signedIn },
      { kind: 'tokensFound', held: { client: uuid, credentials: '', slots: {}, names: [], candidates: [] } },
      { kind: 'signal', head: { signal: 'enabled', smId: 'x', maxSeconds: 1 } },
      { kind: 'signal', head: { signal: 'resumeRefused' } },
      { kind: 'signInRefused', condition: 'temporary-auth-failure' },
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 12 }), (some) => {
        const { state } = run(secure(), some)
        assert.ok(!['bound', 'binding', 'resuming', 'authenticated'].includes(state.phase.kind))
      }),
      { numRuns: 1000 },
    )
  })
})
