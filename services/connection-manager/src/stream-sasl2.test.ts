import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { defineModule } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import { deriveCredentials } from '@starling/sasl'
import { ns } from '@starling/stanza'
import { authenticatedLimits, createGate, type GateEvent } from '@starling/xml'
import fc from 'fast-check'
import type { HeldTokens } from './fast.ts'
import { isWaiting, stepStream } from './stream.ts'
import type { StreamScene } from './stream-scene.ts'
import { initialStreamState, type StreamEffect, type StreamEvent, type StreamState } from './stream-state.ts'
import { domain } from './test-support/fake-io.ts'
import { testScene } from './test-support/scene.ts'

const header = `<stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
const account = `romeo@${domain}` as BareJid
const jid = `${account}/balcony` as FullJid
const signedIn = { account, generation: 7 }
const uuid = 'd4565fa7-4d72-4749-b3d3-740edbf87770'
const agent = `<user-agent id='${uuid}'><software>AwesomeXMPP</software></user-agent>`

const carbons = defineModule({
  spec: { id: 'XEP-0280', name: 'x', version: '1', status: 'complete' },
  name: 'carbons',
  bind2: { '{urn:xmpp:carbons:2}enable': { isEnabled: true } },
})
const scene = testScene({ isSasl2On: true, areTokensOn: true, modules: [carbons] })
const secure = (phase: StreamState['phase'] = { kind: 'unauthenticated' }, from: BareJid | '' = ''): StreamState => ({
  ...initialStreamState(true),
  isOpened: true,
  phase,
  from,
})

function elements(text: string): readonly GateEvent[] {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
  gate.push(Buffer.from(header))
  return gate.push(Buffer.from(text))
}

function run(state: StreamState, events: readonly StreamEvent[], surroundings: StreamScene = scene) {
  const effects: StreamEffect[] = []
  for (const event of events) {
    const step = stepStream(state, event, surroundings)
    state = step.state
    effects.push(...step.effects)
  }
  const written = effects.flatMap((one) => (one.do === 'write' || one.do === 'delay' ? [one.text] : [])).join('')
  return { state, effects, written, done: effects.map((effect) => effect.do) }
}

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')
const authenticate = (mechanism: string, initial: string | Uint8Array | undefined, inner = ''): string => {
  const response = initial === undefined ? '' : `<initial-response>${base64(initial)}</initial-response>`
  return `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='${mechanism}'>${response}${inner}</authenticate>`
}

const derived = await deriveCredentials('secret', { salt: Buffer.from('salt'), iterations: 4096 })
assert.ok(derived.ok)
const credentials = derived.value
const lookedUp: StreamEvent = { kind: 'lookedUp', credentials, signedIn }

/** Goes through PLAIN to the point where the password was right. */
async function plain(inner: string, from: BareJid | '' = '') {
  const asked = run(secure(undefined, from), elements(authenticate('PLAIN', '\0romeo\0secret', inner)))
  assert.deepEqual(asked.effects, [{ do: 'lookUp', account }])
  const computing = run(asked.state, [lookedUp])
  const compute = computing.effects[0]
  assert.ok(compute?.do === 'compute')
  return run(computing.state, [{ kind: 'computed', step: await compute.step }])
}

const bindElement = (inner = ''): string => `<bind xmlns='urn:xmpp:bind:0'>${inner}</bind>`
const bound: StreamEvent = { kind: 'bound', jid, raw: new Uint8Array() }
const features = (inner: string): string => `<stream:features>${inner}</stream:features>`
const always = `<ver xmlns='${ns.rosterVersion}'/><sub xmlns='${ns.preApproval}'/>`

describe('XEP-0388 SASL2', () => {
  const open: StreamEvent = {
    kind: 'open',
    to: domain,
    from: undefined,
    version: '1.0',
    lang: 'en',
    id: undefined,
    namespace: ns.streams,
    defaultNamespace: ns.client,
    prefixes: {},
    attributes: {},
  }

  it('§2.1, XEP-0386 §3.1, XEP-0484 §3.1: the feature beside the older one, with what goes inside', () => {
    const { written } = run(initialStreamState(true), [open], { ...scene, channelBindings: () => ['tls-exporter'] })
    const list = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']
    const mechanisms = list.map((name) => `<mechanism>${name}</mechanism>`).join('')
    assert.ok(
      written.endsWith(
        features(
          `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${mechanisms}</mechanisms>` +
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>" +
            `<authentication xmlns='urn:xmpp:sasl:2'>${mechanisms}<inline>` +
            "<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:sm:3'/></inline></bind>" +
            "<sm xmlns='urn:xmpp:sm:3'/>" +
            "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism><mechanism>HT-SHA-256-NONE</mechanism></fast>" +
            '</inline></authentication>',
        ),
      ),
      written,
    )
  })

  it('§3: not before TLS, and not where it is off; over WebSocket TLS is in front of us', () => {
    const isOffered = (isSecure: boolean, changes: Partial<StreamScene>): boolean =>
      run(initialStreamState(isSecure), [open], { ...scene, ...changes }).written.includes('<authentication')
    assert.deepEqual(
      [isOffered(false, {}), isOffered(true, { isSasl2On: false }), isOffered(false, { transport: 'websocket' })],
      [false, false, true],
    )
    const early = run({ ...secure(), isSecure: false }, elements(authenticate('SCRAM-SHA-1', 'n,,n=romeo,r=x')))
    assert.match(early.written, /^<failure xmlns='urn:xmpp:sasl:2'><encryption-required /)
  })

  it('§2.6.1: without anything inside: a bare JID, then the features at once, and no new stream', async () => {
    const { written, state, done } = await plain('')
    assert.equal(
      written,
      `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>${account}</authorization-identifier></success>${features(
        `<bind xmlns='${ns.bind}'/><sm xmlns='${ns.sm}'/><session xmlns='${ns.session}'><optional/></session>${always}`,
      )}`,
    )
    assert.deepEqual(state.phase, { kind: 'authenticated', signedIn })
    assert.ok(!done.includes('restart'))
    const again = run(state, elements(authenticate('PLAIN', '\0romeo\0secret')))
    assert.equal(again.state.phase.kind, 'ended') // §4.8: any further <authenticate/> MUST be a stream error
  })

  it('§2.5, §2.6.1: challenge, response and additional data of SCRAM', async () => {
    const bare = 'n=romeo,r=fresh'
    const asked = run(secure(), elements(authenticate('SCRAM-SHA-256', `n,,${bare}`)))
    const challenged = run(asked.state, [lookedUp])
    const [, data = ''] = /^<challenge xmlns='urn:xmpp:sasl:2'>([^<]+)<\/challenge>$/.exec(challenged.written) ?? []
    const first = Buffer.from(data, 'base64').toString()
    // XEP-0474 §6.1: what was advertised stands under the signatures
    assert.match(first, /^r=freshservernonce,s=c2FsdA==,i=4096,h=[A-Za-z0-9+/]{43}=$/)
    const wrong = `c=biws,r=freshservernonce,p=${base64(Buffer.alloc(32))}`
    const respond = (text: string) => elements(`<response xmlns='urn:xmpp:sasl:2'>${base64(text)}</response>`)
    assert.match(
      run(challenged.state, respond(wrong)).written,
      /^<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'\/><\/failure>$/,
    )
    const { storedKey, serverKey } = credentials.sha256
    const withoutProof = 'c=biws,r=freshservernonce'
    const message = `${bare},${first},${withoutProof}`
    const { pbkdf2Sync } = await import('node:crypto')
    const salted = pbkdf2Sync('secret', 'salt', 4096, 32, 'sha256')
    const clientKey = createHmac('sha256', salted).update('Client Key').digest()
    const signature = createHmac('sha256', storedKey).update(message).digest()
    const proof = base64(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)))
    const end = run(challenged.state, respond(`${withoutProof},p=${proof}`))
    const expected = base64(`v=${createHmac('sha256', serverKey).update(message).digest('base64')}`)
    assert.ok(end.written.startsWith(`<success xmlns='urn:xmpp:sasl:2'><additional-data>${expected}</additional-data>`))
  })

  it('§2.4: while an exchange is under way anything but its own elements ends the stream', () => {
    const challenged = run(secure(), elements(authenticate('SCRAM-SHA-1', undefined)))
    assert.equal(challenged.written, "<challenge xmlns='urn:xmpp:sasl:2'></challenge>")
    for (const other of [
      '<presence/>',
      "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</response>",
      "<r xmlns='urn:xmpp:sm:3'/>",
      authenticate('PLAIN', ''),
    ]) {
      const { state, written } = run(challenged.state, elements(other))
      assert.equal(state.phase.kind, 'ended', other)
      assert.match(written, /<policy-violation/, other)
    }
    const old = run(secure(), elements("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'/>"))
    assert.equal(run(old.state, elements("<response xmlns='urn:xmpp:sasl:2'/>")).state.phase.kind, 'ended')
  })

  it('§2.6.2, §4.5: failures are in the namespace of SASL, held back and counted', () => {
    const failureOf = (text: string): string => {
      const { written, done } = run(secure(), elements(text))
      assert.deepEqual(done, ['countFailure', 'delay'])
      return (
        /^<failure xmlns='urn:xmpp:sasl:2'><([a-z-]+) xmlns='urn:ietf:params:xml:ns:xmpp-sasl'\/>/.exec(written)?.[1] ??
        written
      )
    }
    assert.equal(failureOf(authenticate('X-NONE', '')), 'invalid-mechanism')
    assert.equal(failureOf(authenticate('HT-SHA-256-NONE', 'romeo\0')), 'invalid-mechanism')
    assert.equal(failureOf(authenticate('PLAIN', 'nothing')), 'malformed-request')
    assert.equal(
      failureOf(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>?</initial-response></authenticate>",
      ),
      'incorrect-encoding',
    )
    assert.equal(failureOf("<abort xmlns='urn:xmpp:sasl:2'/>"), 'aborted')
    const third = run({ ...secure(), failures: 2 }, elements(authenticate('X-NONE', '')))
    assert.equal(third.state.phase.kind, 'ended')
  })

  it('§2.1: a header from another domain is answered with invalid-from', () => {
    const end = run(initialStreamState(true), [{ ...open, from: 'romeo@elsewhere.test' }])
    assert.match(end.written, /<invalid-from /)
    assert.equal(run(initialStreamState(true), [{ ...open, from: account }]).state.phase.kind, 'unauthenticated')
  })

  it('§2.3, §4.4: who signs in is who the stream header named', async () => {
    assert.match((await plain('', `juliet@${domain}` as BareJid)).written, /<invalid-authzid /)
    assert.match((await plain('', account)).written, /^<success /)
  })
})

describe('XEP-0386 Bind 2', () => {
  it('§3.2: the resource is asked for before <success/>; the full JID and <bound/> are in it; features offer no bind', async () => {
    const asked = await plain(`${agent}${bindElement("<tag>AwesomeXMPP</tag><enable xmlns='urn:xmpp:carbons:2'/>")}`)
    assert.deepEqual(asked.effects, [
      { do: 'signedIn', mechanism: 'PLAIN' },
      {
        do: 'bind',
        signedIn,
        resource: `AwesomeXMPP/name-of-${uuid}`,
        iqId: '',
        tag: 'AwesomeXMPP',
        features: ['{urn:xmpp:carbons:2}enable'],
      },
    ])
    assert.ok(isWaiting(asked.state))
    const end = run(asked.state, [bound])
    assert.equal(
      end.written,
      `<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>${jid}</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>${features(always)}`,
    )
    assert.deepEqual(end.state.phase, { kind: 'bound', account, jid })
    assert.equal(end.done.at(-1), 'bound')
  })

  it('§3.2.1: who does not say who it is gets a resource of the session stage; a tag that is none is left out', async () => {
    const bindOf = async (inner: string) => {
      const effect = (await plain(inner)).effects.find((one) => one.do === 'bind')
      return effect?.do === 'bind' ? [effect.resource, effect.tag] : []
    }
    assert.deepEqual(await bindOf(bindElement('<tag>Web</tag>')), ['', 'Web'])
    assert.deepEqual(await bindOf(`${agent}${bindElement()}`), [`starling-name-of-${uuid}`, ''])
    const long = 'x'.repeat(2000)
    assert.deepEqual(await bindOf(`${agent}${bindElement(`<tag>${long}</tag>`)}`), [`starling-name-of-${uuid}`, long])
  })

  it('XEP-0198 §9.1: <enable/> inside; <enabled/> is in <bound/>, and what follows is numbered', async () => {
    const asked = await plain(bindElement("<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/>"))
    const effect = asked.effects.find((one) => one.do === 'bind')
    assert.deepEqual(effect?.do === 'bind' ? effect.sm : undefined, { maxSeconds: 60 })
    const waiting = run(asked.state, [bound])
    assert.deepEqual([waiting.effects, isWaiting(waiting.state)], [[], true])
    const end = run(waiting.state, [{ kind: 'signal', head: { signal: 'enabled', smId: 'a-1', maxSeconds: 60 } }])
    assert.ok(
      end.written.includes(
        "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='a-1' resume='true' max='60'/></bound></success>",
      ),
    )
    assert.deepEqual(end.state.phase, { kind: 'bound', account, jid, sm: 'on' })
    assert.deepEqual(end.done, ['write', 'write', 'enabled', 'bound'])
  })
})

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
