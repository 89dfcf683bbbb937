import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import type { BareJid } from '@starling/jid'
import { ns } from '@starling/stanza'
import { isWaiting } from './stream.ts'
import type { StreamScene } from './stream-scene.ts'
import { initialStreamState, type StreamEvent } from './stream-state.ts'
import { domain } from './test-support/fake-io.ts'
import {
  account,
  agent,
  always,
  authenticate,
  base64,
  bindElement,
  bound,
  credentials,
  elements,
  features,
  jid,
  lookedUp,
  plain,
  run,
  scene,
  secure,
  signedIn,
  uuid,
} from './test-support/sasl2.ts'

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
