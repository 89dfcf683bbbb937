import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  deriveCredentials,
  offeredMechanisms,
  type SaslContext,
  type SaslStep,
  type StoredCredentials,
  startSasl,
} from './sasl.ts'

const ALL = offeredMechanisms({ isSecure: true, channelBindings: ['tls-exporter', 'tls-server-end-point'] })
const UNBOUND = offeredMechanisms({ isSecure: true, channelBindings: [] })
const SALT = Buffer.from('4125c247e43ab1e93c6dff76', 'hex')
const PRETENDED = { salt: Buffer.from('pretended-16byte'), iterations: 4 }

function contextOf(changes: Partial<SaslContext> = {}): SaslContext {
  return {
    nonce: () => 'serverNonce',
    domain: 'example.com',
    isSecure: true,
    offered: UNBOUND,
    channelBinding: (type) => Buffer.from(`data of ${type}`),
    pretendSalt: () => PRETENDED,
    ...changes,
  }
}

async function credentialsOf(password: string, salt: Uint8Array = SALT, iterations = 4): Promise<StoredCredentials> {
  const result = await deriveCredentials(password, { salt, iterations })
  assert.ok(result.ok)
  return result.value
}

const pencil = await credentialsOf('pencil')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const text = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString('utf8')

function lookUp(step: SaslStep): Extract<SaslStep, { do: 'lookUp' }> {
  assert.equal(step.do, 'lookUp')
  return step as Extract<SaslStep, { do: 'lookUp' }>
}

function challenge(step: SaslStep): Extract<SaslStep, { do: 'challenge' }> {
  assert.equal(step.do, 'challenge')
  return step as Extract<SaslStep, { do: 'challenge' }>
}

function conditionOf(step: SaslStep): string {
  return step.do === 'failure' ? step.condition : step.do
}

// A client written from RFC 5802 §3 on its own, with nothing of the server's code.
type Client = {
  password: string
  header?: string
  channel?: string
  name?: string
  nonce?: string
  tamper?: (final: string) => string
}
async function logIn(mechanism: string, client: Client, server: { context: SaslContext; stored?: StoredCredentials }) {
  const algorithm = mechanism.includes('256') ? 'sha256' : 'sha1'
  const header = client.header ?? 'n,,'
  const bare = `n=${client.name ?? 'user'},r=clientNonce`
  const first = startSasl(mechanism, bytes(header + bare), server.context)
  if (first.do !== 'lookUp') return { step: first, serverFirst: '', isServerProven: false }
  const asked = await first.next(server.stored)
  if (asked.do !== 'challenge') return { step: asked, serverFirst: '', isServerProven: false }
  const serverFirst = text(asked.data)
  const fields = /^r=(clientNonce.+),s=([^,]+),i=(\d+)$/.exec(serverFirst)
  assert.ok(fields)
  const size = algorithm === 'sha256' ? 32 : 20
  const salted = pbkdf2Sync(client.password, Buffer.from(fields[2] ?? '', 'base64'), Number(fields[3]), size, algorithm)
  const clientKey = createHmac(algorithm, salted).update('Client Key').digest()
  const channel = Buffer.concat([bytes(header), bytes(client.channel ?? '')]).toString('base64')
  const withoutProof = `c=${channel},r=${client.nonce ?? fields[1]}`
  const authMessage = `${bare},${serverFirst},${withoutProof}`
  const signature = createHmac(algorithm, createHash(algorithm).update(clientKey).digest()).update(authMessage).digest()
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number))).toString('base64')
  const final = `${withoutProof},p=${proof}`
  const step = asked.next(bytes(client.tamper?.(final) ?? final))
  const serverKey = createHmac(algorithm, salted).update('Server Key').digest()
  const expected = `v=${createHmac(algorithm, serverKey).update(authMessage).digest('base64')}`
  return { step, serverFirst, isServerProven: step.do === 'success' && text(step.data) === expected }
}

describe('SCRAM test vectors', () => {
  const vectors = [
    {
      name: 'RFC 5802 §5 SCRAM-SHA-1',
      mechanism: 'SCRAM-SHA-1',
      salt: 'QSXCR+Q6sek8bf92',
      client: 'fyko+d2lbbFgONRv9qkxdawL',
      server: '3rfcNHYJY1ZVvWVs7j',
      proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      signature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    },
    {
      name: 'RFC 7677 §3 SCRAM-SHA-256',
      mechanism: 'SCRAM-SHA-256',
      salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
      client: 'rOprNGfwEbeRWgbNEkqO',
      server: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
      proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    },
  ] as const
  for (const vector of vectors) {
    it(vector.name, async () => {
      const stored = await credentialsOf('pencil', Buffer.from(vector.salt, 'base64'), 4096)
      const start = lookUp(
        startSasl(vector.mechanism, bytes(`n,,n=user,r=${vector.client}`), contextOf({ nonce: () => vector.server })),
      )
      assert.equal(start.username, 'user')
      const asked = challenge(await start.next(stored))
      const nonce = vector.client + vector.server
      assert.equal(text(asked.data), `r=${nonce},s=${vector.salt},i=4096`)
      const end = asked.next(bytes(`c=biws,r=${nonce},p=${vector.proof}`))
      assert.deepEqual(end, { do: 'success', username: 'user', data: bytes(`v=${vector.signature}`) })
    })
  }
})

describe('RFC 5802 SCRAM round trips with a client of its own', () => {
  for (const mechanism of ['SCRAM-SHA-1', 'SCRAM-SHA-256']) {
    it(`${mechanism}: the right password proves both sides, a wrong one neither`, async () => {
      const server = { context: contextOf(), stored: pencil }
      const right = await logIn(mechanism, { password: 'pencil' }, server)
      assert.equal(right.step.do, 'success')
      assert.ok(right.isServerProven)
      const wrong = await logIn(mechanism, { password: 'pencils' }, server)
      assert.deepEqual(wrong.step, { do: 'failure', condition: 'not-authorized' })
    })

    for (const type of ['tls-exporter', 'tls-server-end-point']) {
      it(`${mechanism}-PLUS with ${type}: only over the channel that the client sees`, async () => {
        const server = { context: contextOf({ offered: ALL }), stored: pencil }
        const client = { password: 'pencil', header: `p=${type},,`, channel: `data of ${type}` }
        assert.ok((await logIn(`${mechanism}-PLUS`, client, server)).isServerProven)
        const other = await logIn(`${mechanism}-PLUS`, { ...client, channel: 'another' }, server)
        assert.deepEqual(other.step, { do: 'failure', condition: 'not-authorized' })
      })
    }
  }

  it('§6: y is refused where -PLUS was offered, and only there', async () => {
    const client = { password: 'pencil', header: 'y,,' }
    const offered = await logIn('SCRAM-SHA-256', client, { context: contextOf({ offered: ALL }), stored: pencil })
    assert.equal(conditionOf(offered.step), 'not-authorized')
    const not = await logIn('SCRAM-SHA-256', client, { context: contextOf(), stored: pencil })
    assert.equal(conditionOf(not.step), 'success')
  })

  it('§6: n is allowed where -PLUS was offered: the client cannot bind', async () => {
    const server = { context: contextOf({ offered: ALL }), stored: pencil }
    assert.equal(conditionOf((await logIn('SCRAM-SHA-1', { password: 'pencil' }, server)).step), 'success')
  })

  it('§6: the flag and the mechanism go together', async () => {
    const server = { context: contextOf({ offered: ALL }), stored: pencil }
    for (const [mechanism, header, condition] of [
      ['SCRAM-SHA-1-PLUS', 'n,,', 'malformed-request'],
      ['SCRAM-SHA-1-PLUS', 'y,,', 'malformed-request'],
      ['SCRAM-SHA-1', 'p=tls-exporter,,', 'malformed-request'],
      ['SCRAM-SHA-1-PLUS', 'p=tls-unique,,', 'not-authorized'],
    ] as const) {
      assert.equal(conditionOf((await logIn(mechanism, { password: 'pencil', header }, server)).step), condition)
    }
    const none = { context: contextOf({ offered: ALL, channelBinding: () => undefined }), stored: pencil }
    const client = { password: 'pencil', header: 'p=tls-exporter,,' }
    assert.equal(conditionOf((await logIn('SCRAM-SHA-1-PLUS', client, none)).step), 'not-authorized')
  })

  it('§5.1: a changed header, nonce or proof is refused', async () => {
    const server = { context: contextOf(), stored: pencil }
    const changes: readonly ((final: string) => string)[] = [
      (final) => final.replace('c=biws', 'c=eSws'),
      (final) => final.replace('serverNonce', 'serverNoncf'),
      (final) => final.replace('r=clientNonce', 'r=clientNonc'),
      (final) => final.replace(/p=(.)/, (_, char: string) => `p=${char === 'A' ? 'B' : 'A'}`),
      (final) => final.replace(',p=', ',x=extension,p='),
    ]
    for (const tamper of changes) {
      const { step } = await logIn('SCRAM-SHA-256', { password: 'pencil', tamper }, server)
      assert.equal(conditionOf(step), 'not-authorized')
    }
  })

  it("§5.1: a proof over another nonce than this exchange's is refused", async () => {
    for (const nonce of ['clientNonceserverNoncf', 'clientNonce', 'clientNonceserverNonce2']) {
      const { step } = await logIn(
        'SCRAM-SHA-256',
        { password: 'pencil', nonce },
        { context: contextOf(), stored: pencil },
      )
      assert.equal(conditionOf(step), 'not-authorized')
    }
  })

  it('§5: an unknown account goes the same steps to the same end', async () => {
    const unknown = await logIn('SCRAM-SHA-256', { password: 'pencil' }, { context: contextOf() })
    assert.equal(unknown.serverFirst, `r=clientNonceserverNonce,s=${PRETENDED.salt.toString('base64')},i=4`)
    assert.deepEqual(unknown.step, { do: 'failure', condition: 'not-authorized' })
  })

  it('§5.1: names are unescaped and brought to their normal form', async () => {
    const start = lookUp(startSasl('SCRAM-SHA-1', bytes('n,,n=J=2CO=3DX,r=abc'), contextOf()))
    assert.equal(start.username, 'j,o=x')
    for (const name of ['a=2c', 'a=', 'a=4', 'a b', 'a@b', '\u{2163}']) {
      assert.equal(conditionOf(startSasl('SCRAM-SHA-1', bytes(`n,,n=${name},r=abc`), contextOf())), 'malformed-request')
    }
  })

  it('§7: what is no message is malformed', async () => {
    const firsts = [
      '',
      'n',
      'n,,',
      'n,,n=user',
      'n,,n=,r=a',
      'n,,n=user,r=',
      'x,,n=user,r=a',
      'n,b=c,n=user,r=a',
      'n,,m=x,n=user,r=a',
      'n,,n=user,r=a\u{7f}',
      'n,,n=u\0,r=a',
      `n,,n=user,r=${'a'.repeat(9000)}`,
    ]
    for (const first of firsts) {
      assert.equal(
        conditionOf(startSasl('SCRAM-SHA-256', bytes(first), contextOf())),
        'malformed-request',
        first.slice(0, 30),
      )
    }
    assert.equal(
      conditionOf(startSasl('SCRAM-SHA-256', Buffer.from('n,,n=\xff,r=a', 'latin1'), contextOf())),
      'malformed-request',
    )
    const finals = [
      '',
      'c=biws',
      'c=biws,r=x',
      'c=biws,r=x,p=',
      'c=biws,r=x,p=AAAA',
      'c=b,r=x,p=AAAA',
      'c=biws,r=x,p=!',
      'c=biws,r=x,p=AAAA,x=y',
    ]
    for (const final of finals) {
      const { step } = await logIn(
        'SCRAM-SHA-1',
        { password: 'pencil', tamper: () => final },
        { context: contextOf(), stored: pencil },
      )
      assert.equal(conditionOf(step), 'malformed-request', final)
    }
  })
})

describe('RFC 4616 PLAIN', () => {
  async function plain(message: string, stored?: StoredCredentials, changes: Partial<SaslContext> = {}) {
    const step = startSasl('PLAIN', bytes(message), contextOf(changes))
    return step.do === 'lookUp' ? await step.next(stored) : step
  }

  it('§2: the right password, a wrong one, no account', async () => {
    assert.deepEqual(await plain('\0User\0pencil', pencil), { do: 'success', username: 'user' })
    assert.deepEqual(await plain('\0user\0Pencil', pencil), { do: 'failure', condition: 'not-authorized' })
    assert.deepEqual(await plain('\0user\0pencil'), { do: 'failure', condition: 'not-authorized' })
  })

  it('RFC 8265 §4.2: the password is compared in its OpaqueString form', async () => {
    const stored = await credentialsOf('caf\u{e9}\u{3000}1')
    assert.equal(conditionOf(await plain('\0user\0cafe\u{301} 1', stored)), 'success')
  })

  it('§2: what is no message is malformed', async () => {
    for (const message of [
      '',
      'user',
      '\0user',
      '\0user\0',
      '\0\0pencil',
      '\0user\0pen\0cil',
      '\0user\0\t',
      `\0user\0${'a'.repeat(1025)}`,
    ]) {
      assert.equal(conditionOf(await plain(message, pencil)), 'malformed-request', JSON.stringify(message.slice(0, 20)))
    }
  })

  it('§2: ill-formed UTF-8 is malformed, not read as another password', async () => {
    const stored = await credentialsOf('caf\u{fffd}')
    const step = startSasl('PLAIN', Buffer.from('\0user\0caf\xff', 'latin1'), contextOf())
    assert.equal(conditionOf(step.do === 'lookUp' ? await step.next(stored) : step), 'malformed-request')
  })

  it('RFC 6120 §6.5.4: not without encryption, offered or not', async () => {
    assert.equal(conditionOf(await plain('\0user\0pencil', pencil, { isSecure: false })), 'encryption-required')
    assert.equal(
      conditionOf(await plain('\0user\0pencil', pencil, { isSecure: false, offered: [] })),
      'encryption-required',
    )
  })
})

describe('RFC 6120 §6 the frame', () => {
  it('§6.3.8: the authorization identity is empty or the own bare JID', async () => {
    for (const [wanted, condition] of [
      ['user@example.com', 'success'],
      ['USER@Example.com', 'success'],
      ['user@example.com/phone', 'invalid-authzid'],
      ['other@example.com', 'invalid-authzid'],
      ['user', 'invalid-authzid'],
      ['@', 'invalid-authzid'],
    ] as const) {
      const start = startSasl('PLAIN', bytes(`${wanted}\0user\0pencil`), contextOf())
      const end = start.do === 'lookUp' ? await start.next(pencil) : start
      assert.equal(conditionOf(end), condition)
      if (end.do === 'success') assert.equal(end.authorizationId, 'user@example.com')
      const scram = await logIn(
        'SCRAM-SHA-256',
        { password: 'pencil', header: `n,a=${wanted},` },
        { context: contextOf(), stored: pencil },
      )
      assert.equal(conditionOf(scram.step), condition)
    }
  })

  it('§6.4.2: without an initial response an empty challenge asks for it', () => {
    const asked = challenge(startSasl('SCRAM-SHA-1', undefined, contextOf()))
    assert.equal(asked.data.byteLength, 0)
    assert.equal(lookUp(asked.next(bytes('n,,n=user,r=abc'))).username, 'user')
    assert.equal(conditionOf(startSasl('SCRAM-SHA-1', new Uint8Array(), contextOf())), 'malformed-request')
  })

  it('§6.5.7: a mechanism that was not offered, or does not exist, is refused', () => {
    for (const mechanism of ['SCRAM-SHA-1-PLUS', 'scram-sha-1', 'X', '', '__proto__']) {
      assert.equal(conditionOf(startSasl(mechanism, bytes('n,,n=user,r=abc'), contextOf())), 'invalid-mechanism')
    }
    assert.equal(conditionOf(startSasl('X', undefined, contextOf({ offered: ['X'] }))), 'invalid-mechanism')
  })

  it('§13.8: mechanisms strongest first; PLAIN only when secure, -PLUS only where the channel can be bound', () => {
    assert.deepEqual(ALL, ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])
    assert.deepEqual(UNBOUND, ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])
    assert.deepEqual(offeredMechanisms({ isSecure: false, channelBindings: ['tls-exporter'] }), [
      'SCRAM-SHA-256',
      'SCRAM-SHA-1',
    ])
  })

  it('nothing a client sends throws, and nothing but the right proof succeeds', async () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .string({
          unit: fc.constantFrom('n', 'y', 'p', ',', '=', 'r=', 'n=', 'c=', 'a=', 'biws', '\0', 'é', '=2C', 'user'),
          maxLength: 14,
        })
        .map(bytes),
      fc
        .constantFrom(
          'n,,n=user,r=abc',
          'p=tls-exporter,,n=user,r=abc',
          '\0user\0wrong',
          'c=biws,r=abcserverNonce,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
        )
        .map(bytes),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ALL),
        fc.option(hostile, { nil: undefined }),
        fc.array(hostile, { minLength: 3, maxLength: 3 }),
        fc.boolean(),
        async (mechanism, initial, responses, isKnown) => {
          let step = startSasl(mechanism, initial, contextOf({ offered: ALL }))
          for (const response of responses) {
            if (step.do === 'challenge') step = step.next(response)
            if (step.do === 'lookUp') step = await step.next(isKnown ? pencil : undefined)
          }
          assert.ok(step.do === 'failure' || step.do === 'challenge')
        },
      ),
      { numRuns: 1500 },
    )
  })
})
