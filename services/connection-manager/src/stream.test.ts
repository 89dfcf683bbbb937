import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answer, defineModule, refuseStep } from '@starling/core'
import type { BareJid, FullJid } from '@starling/jid'
import { deriveCredentials } from '@starling/sasl'
import { makeStanza, ns, stanzaError } from '@starling/stanza'
import { authenticatedLimits, createGate, type GateEvent, xml } from '@starling/xml'
import fc from 'fast-check'
import { isWaiting, stepStream } from './stream.ts'
import type { StreamScene } from './stream-scene.ts'
import { initialStreamState, type StreamEffect, type StreamEvent, type StreamState } from './stream-state.ts'
import { auth, bindRequest, sasl } from './test-support/client.ts'
import { domain } from './test-support/fake-io.ts'
import { testScene } from './test-support/scene.ts'

const header = `<stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='de'>`
const account = `romeo@${domain}` as BareJid
const jid = `${account}/balcony` as FullJid
const signedIn = { account, generation: 7 }

/** Events of a text, as the gate cuts it inside of a stream. */
function eventsOf(text: string): readonly GateEvent[] {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
  gate.push(Buffer.from(header))
  return gate.push(Buffer.from(text))
}

function run(state: StreamState, events: readonly StreamEvent[], scene: StreamScene) {
  const effects: StreamEffect[] = []
  for (const event of events) {
    const step = stepStream(state, event, scene)
    state = step.state
    effects.push(...step.effects)
  }
  return { state, effects, written: effects.flatMap((one) => (one.do === 'write' ? [one.text] : [])).join('') }
}

function at(phase: StreamState['phase'], more: Partial<StreamState> = {}): StreamState {
  return { ...initialStreamState(false), isOpened: true, phase, ...more }
}

const open: StreamEvent = {
  kind: 'open',
  to: domain,
  from: undefined,
  version: '1.0',
  lang: 'de',
  id: undefined,
  namespace: ns.streams,
  defaultNamespace: ns.client,
  prefixes: {},
  attributes: {},
}

describe('RFC 6120 §4.7 stream headers', () => {
  it('§4.7.2, §4.7.4: the answer names who asked and our language', () => {
    const { written } = run(initialStreamState(false), [{ ...open, from: account }], testScene())
    assert.ok(
      written.startsWith(
        `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='${domain}' to='${account}' id='stream-1' version='1.0' xml:lang='en'>`,
      ),
    )
  })

  it('§4.7.5: versions above ours are answered with ours, those below refused', () => {
    for (const [version, isServed] of [
      ['1.0', true],
      ['1.7', true],
      ['2.0', true],
      ['01.00', true],
      ['0.9', false],
      ['1', false],
      ['1.0.0', false],
      ['x', false],
      ['', false],
    ] as const) {
      const { written } = run(initialStreamState(false), [{ ...open, version }], testScene())
      assert.equal(!written.includes('<unsupported-version'), isServed, version)
    }
  })

  it('the domain is compared in its normal form', () => {
    const { state } = run(initialStreamState(false), [{ ...open, to: 'STARLING.test.' }], testScene())
    assert.equal(state.phase.kind, 'unauthenticated')
  })

  it('§4.9.3.9: the second header may not name another account than signed in', () => {
    const second = at({ kind: 'unopened', signedIn }, { isOpened: false })
    const other = run(second, [{ ...open, from: 'juliet@starling.test' }], testScene())
    assert.match(other.written, /<invalid-from/)
    const same = run(second, [{ ...open, from: account }], testScene())
    assert.equal(same.state.phase.kind, 'authenticated')
  })
})

describe('features', () => {
  it('§7.2, RFC 6121 §2.6.1, §3.4.1: XEP-0198 §2: after sign-in bind, stream management, a session nobody needs, versioning and pre-approval', () => {
    const { written } = run(at({ kind: 'unopened', signedIn }, { isOpened: false }), [open], testScene())
    assert.ok(
      written.endsWith(
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/></stream:features>",
      ),
    )
  })

  it('§6.3.4: what is offered depends on TLS and on the transport', () => {
    const offers = (isSecure: boolean, changes: Partial<StreamScene>): readonly string[] => {
      const { written } = run(initialStreamState(isSecure), [open], testScene(changes))
      return [...written.matchAll(/<mechanism>([^<]*)|<(starttls)/g)].map((match) => match[1] ?? match[2] ?? '')
    }
    assert.deepEqual(offers(false, { isTlsRequired: true }), ['starttls'])
    assert.deepEqual(offers(false, {}), ['starttls', 'SCRAM-SHA-256', 'SCRAM-SHA-1'])
    assert.deepEqual(offers(false, { transport: 'websocket', isTlsRequired: true }), ['SCRAM-SHA-256', 'SCRAM-SHA-1'])
    assert.deepEqual(offers(true, { transport: 'tls' }), ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])
    assert.deepEqual(offers(true, { channelBindings: () => ['tls-exporter'] }), [
      'SCRAM-SHA-256-PLUS',
      'SCRAM-SHA-1-PLUS',
      'SCRAM-SHA-256',
      'SCRAM-SHA-1',
      'PLAIN',
    ])
  })

  it('modules add theirs, and see whether the stream is secure and signed in', () => {
    const seen: unknown[] = []
    const module = defineModule({
      spec: { id: 'XEP-0077', name: 'x', version: '1', status: 'complete' },
      name: 'x',
      streamFeatures: (stream) => {
        seen.push({ isSecure: stream.isSecure, isAuthenticated: stream.isAuthenticated })
        return [xml('register', { xmlns: ns.registerFeature })]
      },
    })
    const scene = testScene({ modules: [module] })
    const { written } = run(initialStreamState(true), [open], scene)
    assert.match(written, /<register xmlns='http:\/\/jabber.org\/features\/iq-register'\/><\/stream:features>$/)
    assert.deepEqual(seen, [{ isSecure: true, isAuthenticated: false }])
    run(initialStreamState(false), [open], testScene({ modules: [module], isTlsRequired: true }))
    assert.equal(seen.length, 1) // nothing before TLS where it is required
  })
})

describe('STARTTLS, RFC 6120 §5', () => {
  it('§5.4.2.3, §5.4.3.3: proceed, a new stream, and what was known is forgotten', () => {
    const starttls = eventsOf("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    const { state, effects } = run(initialStreamState(false), [open, ...starttls], testScene())
    assert.deepEqual(effects.slice(-3), [
      { do: 'write', text: "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" },
      { do: 'restart' },
      { do: 'startTls' },
    ])
    const secured = stepStream(state, { kind: 'secured' }, testScene()).state
    assert.deepEqual(secured, { ...initialStreamState(true) })
  })

  it('§5.4.2.2: refused with <failure/> where it was not offered', () => {
    for (const [isSecure, transport] of [
      [true, 'tcp'],
      [true, 'tls'],
      [false, 'websocket'],
    ] as const) {
      const starttls = eventsOf("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
      const { written, state } = run(initialStreamState(isSecure), [open, ...starttls], testScene({ transport }))
      assert.match(written, /<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'\/>/)
      assert.equal(state.phase.kind, 'ended')
    }
  })
})

describe('SASL, RFC 6120 §6', () => {
  const unauthenticated = at({ kind: 'unauthenticated' }, { isSecure: true })

  it('§6.4.2: an initial response of = is empty, none at all is asked for', async () => {
    const none = run(unauthenticated, eventsOf(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'/>`), testScene())
    assert.equal(none.written, `<challenge xmlns='${ns.sasl}'/>`)
    const later = run(none.state, eventsOf(sasl('response', '\0romeo\0secret')), testScene())
    assert.deepEqual(later.effects, [{ do: 'lookUp', account }])
    const empty = run(unauthenticated, eventsOf(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'>=</auth>`), testScene())
    assert.equal(empty.effects[0]?.do, 'countFailure') // malformed-request: an empty message is no PLAIN
  })

  it('R5: the generation taken before the challenge is the one bound with', async () => {
    const derived = await deriveCredentials('secret', { salt: Buffer.from('salt'), iterations: 4096 })
    assert.ok(derived.ok)
    const start = run(unauthenticated, eventsOf(auth('PLAIN', '\0romeo\0secret')), testScene())
    assert.ok(isWaiting(start.state))
    const computing = run(start.state, [{ kind: 'lookedUp', credentials: derived.value, signedIn }], testScene())
    const [compute] = computing.effects
    assert.ok(compute?.do === 'compute')
    const done = run(computing.state, [{ kind: 'computed', step: await compute.step }], testScene())
    assert.deepEqual(
      done.effects.map((effect) => effect.do),
      ['signedIn', 'write', 'restart'],
    )
    assert.deepEqual(done.state.phase, { kind: 'unopened', signedIn })
    const bound = run(done.state, [open, ...eventsOf(bindRequest('balcony'))], testScene())
    assert.deepEqual(bound.effects.at(-1), { do: 'bind', signedIn, resource: 'balcony', iqId: 'b1' })
    assert.equal(bound.state.lang, 'de')
  })

  it('an answer that nobody waits for changes nothing', () => {
    for (const event of [
      { kind: 'lookedUp', credentials: undefined, signedIn },
      { kind: 'signInRefused', condition: 'temporary-auth-failure' },
      { kind: 'computed', step: { do: 'success', username: 'romeo' } },
      { kind: 'delayed' },
      { kind: 'secured' },
      { kind: 'bound', jid, raw: Buffer.from('<iq/>') },
      { kind: 'output', raw: Buffer.from('<iq/>') },
    ] as const) {
      const { state, effects } = stepStream(unauthenticated, event, testScene())
      assert.equal(state, unauthenticated)
      assert.deepEqual(effects, [])
    }
  })

  it('a success for another name than was looked up signs nobody in', () => {
    const computing = at({ kind: 'computing', signedIn, mechanism: 'PLAIN' })
    const { state, effects } = run(
      computing,
      [{ kind: 'computed', step: { do: 'success', username: 'juliet' } }],
      testScene(),
    )
    assert.equal(state.phase.kind, 'delaying')
    assert.equal(effects[0]?.do, 'countFailure')
  })

  it('§6.4.2: a second <auth/> during an exchange', () => {
    const challenged = run(unauthenticated, eventsOf(`<auth xmlns='${ns.sasl}' mechanism='PLAIN'/>`), testScene())
    assert.match(run(challenged.state, eventsOf(auth('PLAIN', 'x')), testScene()).written, /<policy-violation/)
  })
})

describe('stream IQs', () => {
  const register = defineModule({
    spec: { id: 'XEP-0077', name: 'x', version: '1', status: 'complete' },
    name: 'x',
    streamIq: {
      'get {jabber:iq:register}query': () => answer(),
      'set {jabber:iq:register}query': () => refuseStep(stanzaError('conflict')),
    },
  })

  it('XEP-0077 §3: found ones are asked, anything else is not-authorized (RFC 6120 §4.9.3.12)', () => {
    const scene = testScene({ modules: [register] })
    const unauthenticated = at({ kind: 'unauthenticated' })
    const asked = run(
      unauthenticated,
      eventsOf("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"),
      scene,
    )
    assert.equal(asked.effects[0]?.do, 'askStream')
    assert.ok(isWaiting(asked.state))
    const other = run(unauthenticated, eventsOf("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"), scene)
    assert.match(other.written, /<not-authorized/)
    const tooEarly = { ...scene, isTlsRequired: true }
    const early = run(
      unauthenticated,
      eventsOf("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"),
      tooEarly,
    )
    assert.match(early.written, /<not-authorized/)
  })

  it('XEP-0077 §3.3: a bound client’s new password is taken here, one at a time, and is never forwarded', () => {
    const scene = testScene({ modules: [register] })
    const bound = at({ kind: 'bound', account: account, jid })
    const change = (to: string) =>
      eventsOf(`<iq type='set' id='1'${to}><query xmlns='jabber:iq:register'><password>x</password></query></iq>`)
    for (const to of ['', ` to='${domain}'`, ` to='${account}'`]) {
      const asked = run(bound, change(to), scene)
      assert.deepEqual(
        asked.effects.map((effect) => effect.do),
        ['askStream'],
      )
      assert.ok(isWaiting(asked.state), 'nothing is read until it is answered')
      const reply = makeStanza(xml('iq', { type: 'result', id: '1' }))
      const answered = stepStream(asked.state, { kind: 'answered', reply }, scene)
      assert.deepEqual(
        answered.effects.map((effect) => effect.do),
        ['answer'],
      )
      assert.equal(isWaiting(answered.state), false)
      assert.deepEqual(
        run(answered.state, change(to), scene).effects.map((effect) => effect.do),
        ['askStream'],
      )
    }
    // §3.2: an account that ends takes its session along: the result goes out before the stream's end
    const ending = run(bound, change(''), scene)
    const last = { kind: 'answered', reply: makeStanza(xml('iq', { type: 'result', id: '1' })), isLast: true } as const
    assert.deepEqual(
      stepStream(ending.state, last, scene).effects.map((effect) => (effect.do === 'answer' ? effect : effect.do)),
      ['send', { do: 'answer' }],
    )
    const elsewhere = run(bound, change(" to='gateway.example'"), scene)
    assert.deepEqual(
      elsewhere.effects.map((effect) => effect.do),
      ['forward'],
    )
  })
})

describe('any client', () => {
  const texts = [
    header,
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    auth('PLAIN', '\0romeo\0secret'),
    auth('SCRAM-SHA-1', 'n,,n=romeo,r=x'),
    auth('SCRAM-SHA-256-PLUS', 'p=tls-exporter,,n=romeo,r=x'),
    sasl('response', 'c=biws,r=x,p=x'),
    `<abort xmlns='${ns.sasl}'/>`,
    `<bogus xmlns='${ns.sasl}'/>`,
    bindRequest('balcony'),
    bindRequest('&#x9;'),
    "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
    "<iq type='bogus'/>",
    "<message to='@'/>",
    "<message from='x@y'/>",
    "<presence type='bogus'/>",
    '<presence/>',
    "<x xmlns='urn:x'/>",
    '</stream:stream>',
    '<<',
  ]
  const parsed = texts.flatMap((text) => [...eventsOf(text)])
  const step = fc.constantFrom<StreamEvent[]>(
    open,
    { ...open, to: undefined },
    { ...open, from: '@' },
    { kind: 'secured' },
    { kind: 'lookedUp', credentials: undefined, signedIn },
    { kind: 'signInRefused', condition: 'temporary-auth-failure' },
    { kind: 'computed', step: { do: 'failure', condition: 'not-authorized' } },
    { kind: 'computed', step: { do: 'success', username: 'romeo' } },
    { kind: 'delayed' },
    { kind: 'bound', jid, raw: Buffer.from('<iq/>') },
    { kind: 'output', raw: Buffer.from('<iq/>') },
    { kind: 'end', error: { condition: 'reset' }, reason: 'ordered' },
    ...parsed,
  )

  it('R10: no order of events throws; after the end nothing follows; nothing is forwarded before a resource', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), fc.boolean(), (events, isSecure, isTlsRequired) => {
        const scene = testScene({ isTlsRequired })
        let state = initialStreamState(isSecure)
        let isBound = false
        for (const event of events) {
          const before = state
          const { state: after, effects } = stepStream(state, event, scene)
          state = after
          const ends = effects.filter((effect) => effect.do === 'end').length
          if (before.phase.kind === 'ended') assert.deepEqual(effects, [])
          assert.equal(ends, before.phase.kind !== 'ended' && after.phase.kind === 'ended' ? 1 : 0)
          if (effects.some((effect) => effect.do === 'forward')) assert.ok(isBound)
          isBound ||= effects.some((effect) => effect.do === 'bound')
          if (isTlsRequired && !state.isSecure) assert.notEqual(state.phase.kind, 'lookingUp')
        }
      }),
      { numRuns: 3_000 },
    )
  })
})
