import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Connection } from '../scenario/scenario.ts'
import { clientId, type FastToken, isTokenProof, tokenMessage } from './fast-token.ts'
import { Sasl2 } from './sasl2.ts'
import { readSasl2Offer } from './sasl2-text.ts'
import type { Bound, SignInPorts } from './sign-in-ports.ts'

const list = (...names: readonly string[]): string => names.map((name) => `<mechanism>${name}</mechanism>`).join('')
const features =
  `<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${list('SCRAM-SHA-1')}</mechanisms>` +
  `<authentication xmlns='urn:xmpp:sasl:2'>${list('PLAIN')}<inline><bind xmlns='urn:xmpp:bind:0'><inline>` +
  "<feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:sm:3'/></inline></bind><sm xmlns='urn:xmpp:sm:3'/>" +
  `<fast xmlns='urn:xmpp:fast:0'>${list('HT-SHA-256-NONE')}</fast></inline></authentication></stream:features>`
const after = "<stream:features><csi xmlns='urn:xmpp:csi:0'/></stream:features>"

const connection: Connection = {
  transport: 'tls',
  signIn: 'fast',
  mechanism: 'auto',
  streamManagement: true,
  carbons: true,
  clientState: true,
  sourceAddresses: [],
}

/** One sign-in against answers that are given by hand. */
function scene(
  more: { readonly token?: FastToken; readonly resume?: { readonly id: string; readonly h: number } } = {},
) {
  const written: string[] = []
  const told: string[] = []
  const bound: Bound[] = []
  const tokens: FastToken[] = []
  const ports: SignInPorts = {
    connection,
    name: 'romeo',
    password: 'secret',
    client: clientId(255),
    nonce: 'n',
    keys: undefined,
    token: more.token,
    isNew: false,
    resume: more.resume,
    write: (text) => void written.push(text),
    startTls: () => {},
    restart: () => void told.push('restart'),
    onKeys: () => {},
    onToken: (token) => void tokens.push(token),
    onTokenUsed: () => void told.push('tokenUsed'),
    onTokenRefused: () => void told.push('tokenRefused'),
    onEnable: () => void told.push('enable'),
    onBound: (session) => void bound.push(session),
    onResumed: (h) => void told.push(`resumed ${h}`),
    onNotResumed: (h) => void told.push(`notResumed ${h}`),
    onFailure: (reason) => void told.push(reason),
  }
  return { written, told, bound, tokens, sasl2: Sasl2.start(ports, features) }
}

const jid = '<authorization-identifier>romeo@x/load.1</authorization-identifier>'
const boundText = "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/></bound>"

describe('SASL2 for the load', () => {
  it('XEP-0388 §2.1, XEP-0386 §3.1, XEP-0484 §3.1: what is offered, each list for itself', () => {
    assert.deepEqual(readSasl2Offer(features), {
      mechanisms: ['PLAIN'],
      hasBind: true,
      bindFeatures: ['urn:xmpp:carbons:2', 'urn:xmpp:sm:3'],
      hasResumption: true,
      tokenMechanisms: ['HT-SHA-256-NONE'],
    })
    assert.equal(readSasl2Offer("<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>"), undefined)
  })

  it('§2.3, XEP-0386 §3.2: one request with everything; CSI, which cannot go inside, is left for afterwards', () => {
    const { written, told, bound, tokens, sasl2 } = scene()
    assert.deepEqual(written, [
      "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AHJvbWVvAHNlY3JldA==</initial-response>" +
        "<user-agent id='4c6f6164-5465-4000-8000-0000000000ff'><software>Starling load</software></user-agent>" +
        "<bind xmlns='urn:xmpp:bind:0'><tag>load</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>" +
        "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/></authenticate>",
    ])
    const token = "<token xmlns='urn:xmpp:fast:0' expiry='2030-01-01T00:00:00Z' token='abc'/>"
    sasl2?.take(`<success xmlns='urn:xmpp:sasl:2'>${jid}${boundText}${token}</success>`)
    sasl2?.take(after)
    assert.deepEqual(told, ['enable'])
    assert.deepEqual(bound, [{ jid: 'romeo@x/load.1', smId: 'sm1', hasClientState: true, hasCarbons: true }])
    assert.deepEqual(tokens, [{ token: 'abc', mechanism: 'HT-SHA-256-NONE', count: 0 }])
  })

  it('XEP-0198 §9.2: resumption inside; where it is refused, the new resource comes with the same answer', () => {
    const went = scene({ resume: { id: 'old', h: 7 } })
    assert.match(went.written[0] ?? '', /<resume xmlns='urn:xmpp:sm:3' h='7' previd='old'\/><bind /)
    went.sasl2?.take(
      `<success xmlns='urn:xmpp:sasl:2'>${jid}<resumed xmlns='urn:xmpp:sm:3' h='3' previd='old'/></success>`,
    )
    assert.deepEqual(went.told, ['resumed 3'])
    const not = scene({ resume: { id: 'old', h: 7 } })
    not.sasl2?.take(
      `<success xmlns='urn:xmpp:sasl:2'>${jid}<failed xmlns='urn:xmpp:sm:3' h='2'/>${boundText}</success>`,
    )
    not.sasl2?.take(after)
    assert.deepEqual([not.told, not.bound.length], [['notResumed 2', 'enable'], 1])
  })

  it('XEP-0484 §3.4, §4.1: a token says a higher count each time; where it is refused, the password follows on the same stream', () => {
    const token = { token: 'abc', mechanism: 'HT-SHA-256-NONE', count: 4 }
    const { written, told, tokens, sasl2 } = scene({ token })
    assert.match(written[0] ?? '', /mechanism='HT-SHA-256-NONE'.*<fast xmlns='urn:xmpp:fast:0' count='5'\/>/)
    assert.deepEqual(tokens, [{ ...token, count: 5 }])
    sasl2?.take("<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>")
    assert.deepEqual(told, ['tokenRefused'])
    assert.match(written[1] ?? '', /mechanism='PLAIN'.*<request-token /)
  })

  it('draft-schmaus-kitten-sasl-ht §3: the message of the token, and the proof that the server knows it too', () => {
    const hash = (side: string): Buffer => createHmac('sha256', 'abc').update(side).digest()
    assert.deepEqual(tokenMessage('romeo', 'abc'), Buffer.concat([Buffer.from('romeo\0'), hash('Initiator')]))
    assert.ok(isTokenProof('abc', hash('Responder')) && !isTokenProof('abc', hash('Initiator')))
    const { told, sasl2 } = scene({ token: { token: 'abc', mechanism: 'HT-SHA-256-NONE', count: 0 } })
    sasl2?.take(`<success xmlns='urn:xmpp:sasl:2'><additional-data>AAAA</additional-data>${jid}${boundText}</success>`)
    assert.deepEqual(told, ['tokenUsed', 'the server does not know the secret'])
  })
})
