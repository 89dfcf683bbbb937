import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineModule, type Module, pass, refuse, stop } from '@starling/core'
import { makeStanza, stanzaError } from '@starling/stanza'
import { xml } from '@starling/xml'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

const spec = { id: 'XEP-9999', name: 'Test', version: '1', status: 'complete' } as const

async function romeo(more: { modules?: readonly Module[] } = {}): Promise<{ world: World; client: Client }> {
  const world = createWorld(['romeo', 'juliet'], more)
  const client = await world.connect('romeo', 'orchard')
  client.heard()
  world.published.length = 0
  return { world, client }
}

/** What was published, in short. */
function published(world: World): readonly string[] {
  return world.published.map(({ to, envelope }) => {
    const stanza = 'stanza' in envelope ? ` ${envelope.stanza.kind} ${envelope.stanza.to}` : ''
    return `${to} ${envelope.kind} ${envelope.key}${stanza}`
  })
}

describe('RFC 6120 §10, RFC 6121 §8 where a stanza goes', () => {
  const ways: readonly (readonly [clause: string, xml: string, expected: readonly string[]])[] = [
    [
      '§8.5.2: a message to a bare JID goes to routing, its copy to our own routing',
      "<message to='juliet@example.org'/>",
      [
        'routing sent romeo@example.org message juliet@example.org',
        'routing deliver juliet@example.org message juliet@example.org',
      ],
    ],
    [
      '§8.5.3: a message to a full JID too',
      "<message to='juliet@example.org/balcony'/>",
      [
        'routing sent romeo@example.org message juliet@example.org/balcony',
        'routing deliver juliet@example.org message juliet@example.org/balcony',
      ],
    ],
    [
      'RFC 6120 §10.3.1: a message without to is for our own bare JID',
      '<message/>',
      ['routing sent romeo@example.org message ', 'routing deliver romeo@example.org message romeo@example.org'],
    ],
    [
      'an error has no copy',
      "<message type='error' to='juliet@example.org'/>",
      ['routing deliver juliet@example.org message juliet@example.org'],
    ],
    [
      '§8.5.2.1.3: a request to a bare JID is its session stage to answer',
      "<iq type='get' id='1' to='juliet@example.org'><q xmlns='x'/></iq>",
      [
        'session account juliet@example.org iq juliet@example.org',
        'storage ask juliet@example.org',
        'routing deliver romeo@example.org iq romeo@example.org/orchard',
      ],
    ],
    [
      '§8.5.3: a request to a full JID is its resource to answer',
      "<iq type='get' id='1' to='juliet@example.org/balcony'><q xmlns='x'/></iq>",
      ['routing deliver juliet@example.org iq juliet@example.org/balcony'],
    ],
    [
      'a result goes to the full JID it names',
      "<iq type='result' id='1' to='juliet@example.org/balcony'/>",
      ['routing deliver juliet@example.org iq juliet@example.org/balcony'],
    ],
    ['a result to a bare JID goes nowhere', "<iq type='result' id='1' to='juliet@example.org'/>", []],
    ['a result to the domain goes nowhere', "<iq type='result' id='1' to='example.org'/>", []],
    ['a result to nobody goes nowhere', "<iq type='result' id='1'/>", []],
    [
      'RFC 6120 §8.3.3.19: a request that nobody serves is service-unavailable',
      "<iq type='get' id='1'><q xmlns='x'/></iq>",
      ['routing deliver romeo@example.org iq romeo@example.org/orchard'],
    ],
    ['presence to the domain goes nowhere', "<presence to='example.org'/>", []],
    ['a probe to nobody goes nowhere', "<presence type='probe'/>", []],
    ['a presence error to nobody goes nowhere', "<presence type='error'/>", []],
    ['a subscription to oneself goes nowhere', "<presence type='subscribe' to='romeo@example.org'/>", []],
    ['a headline to the domain goes nowhere', "<message type='headline' to='example.org'/>", []],
  ]
  for (const [clause, stanza, expected] of ways) {
    it(clause, async () => {
      const { world, client } = await romeo()
      await client.send(stanza)
      assert.deepEqual(published(world), expected)
    })
  }

  for (const to of [
    'juliet@elsewhere.example',
    'elsewhere.example',
    'room@conference.example.org',
    'conference.example.org',
  ]) {
    for (const stanza of [
      `<message to='${to}'/>`,
      `<iq type='set' id='1' to='${to}'><q xmlns='x'/></iq>`,
      `<presence to='${to}'/>`,
    ]) {
      it(`RFC 6120 §10.4.1: nobody serves ${to} (${stanza.slice(1, 4)})`, async () => {
        const { world, client } = await romeo()
        await client.send(stanza)
        const heard = client.heard()
        assert.equal(heard.length, 1)
        assert.match(heard[0] ?? '', /type='error'.*<remote-server-not-found/)
        assert.equal(published(world).length, 1)
      })
    }
  }

  it('RFC 6120 §8.3.1: an error to nowhere is not answered with an error', async () => {
    const { client } = await romeo()
    await client.send("<message type='error' to='juliet@elsewhere.example'/>")
    await client.send("<iq type='error' id='1' to='juliet@elsewhere.example'/>")
    assert.deepEqual(client.heard(), [])
  })

  it('a message to the domain is service-unavailable', async () => {
    const { client } = await romeo()
    await client.send("<message to='example.org'/>")
    assert.match(client.heard()[0] ?? '', /type='error'.*<service-unavailable/)
  })

  it('RFC 3921 §3: the session of old clients is answered', async () => {
    const { client } = await romeo()
    for (const to of ['', " to='example.org'"]) {
      await client.send(`<iq type='set' id='1'${to}><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`)
      assert.match(client.heard()[0] ?? '', /^<iq type='result' id='1'/)
    }
  })

  it('§8.5.1: a request to an account that does not exist is service-unavailable, a message is routing’s to judge', async () => {
    const { client } = await romeo()
    await client.send("<iq type='get' id='1' to='nobody@example.org'><q xmlns='x'/></iq>")
    assert.match(client.heard()[0] ?? '', /from='nobody@example.org'.*<service-unavailable/)
  })
})

describe('modules in the session stage', () => {
  it('guards at session.sent stop quietly, or with the error they name', async () => {
    const guard = defineModule({
      spec,
      name: 'guard',
      on: {
        'session.sent': {
          guard: (stanza) =>
            stanza.id === 'quiet' ? stop() : stanza.id === 'loud' ? refuse(stanzaError('not-acceptable')) : pass(),
        },
      },
    })
    const { world, client } = await romeo({ modules: [guard] })
    await client.send("<message id='quiet' to='juliet@example.org'/>")
    assert.deepEqual(published(world), [])
    await client.send("<message id='loud' to='juliet@example.org'/>")
    assert.match(client.heard()[0] ?? '', /<not-acceptable/)
    await client.send("<message id='other' to='juliet@example.org'/>")
    assert.deepEqual(
      world.routing.messages.map(({ id, type }) => `${id} ${type}`),
      ['loud error', 'other normal'],
    )
  })

  it('effects come before the answer, slices reach routing before what depends on them', async () => {
    const module = defineModule({
      spec,
      name: 'slices',
      slice: { is: 0 },
      accountSlice: [],
      iq: {
        'set self {x}q': (_payload, context) => ({
          ok: true,
          payload: xml('q', {
            xmlns: 'x',
            was: JSON.stringify(context.own?.slice),
            all: JSON.stringify(context.accountSlice),
          }),
          effects: [
            { do: 'remember', slice: { is: 1 } },
            { do: 'rememberAccount', slice: ['a'] },
            { do: 'send', stanza: makeStanza(xml('message', { from: 'example.org', to: 'juliet@example.org' })) },
            { do: 'deliver', resource: 'orchard', stanza: makeStanza(xml('message', { id: context.id() })) },
            { do: 'deliver', resource: 'nowhere', stanza: makeStanza(xml('message')) },
          ],
        }),
      },
    })
    const { world, client } = await romeo({ modules: [module] })
    await client.send("<iq type='set' id='1'><q xmlns='x'/></iq>")
    assert.deepEqual(published(world), [
      'routing state romeo@example.org',
      'routing state romeo@example.org',
      'routing deliver juliet@example.org message juliet@example.org',
      'routing deliver romeo@example.org message ',
      'routing deliver romeo@example.org iq romeo@example.org/orchard',
      'storage write romeo@example.org',
    ])
    assert.match(client.heard().at(-1) ?? '', /was='\{&quot;is&quot;:0\}' all='\[\]'/)
    await client.send("<iq type='set' id='2'><q xmlns='x'/></iq>")
    assert.match(client.heard().at(-1) ?? '', /was='\{&quot;is&quot;:1\}' all='\[&quot;a&quot;\]'/)
    assert.deepEqual(world.storage.documents.get('romeo@example.org XEP-9999'), ['a'])
    // another session begins with its own slice; the account's comes back from storage after all are gone
    await client.drop()
    const again = await world.connect('romeo', 'orchard')
    again.heard()
    await again.send("<iq type='set' id='1'><q xmlns='x'/></iq>")
    assert.match(again.heard().at(-1) ?? '', /was='\{&quot;is&quot;:0\}' all='\[&quot;a&quot;\]'/)
  })

  it('a stored request goes to storage, to routing when it reads the archive, with what storage must know', async () => {
    const module = defineModule({
      spec,
      name: 'stored',
      storedIq: { 'get self {x}s': () => ({ do: 'answer' }), 'get account {x}a': () => ({ do: 'answer' }) },
      readsArchive: ['get self {x}s'],
    })
    const { world, client } = await romeo({ modules: [module] })
    await client.send('<presence/>')
    await client.send("<iq type='get' id='1'><s xmlns='x'/></iq>")
    await client.send("<iq type='get' id='2'><a xmlns='x'/></iq>")
    await client.send("<iq type='get' id='3' to='juliet@example.org'><a xmlns='x'/></iq>")
    const requests = world.published.flatMap(({ to, envelope }) =>
      envelope.kind === 'request' ? [[to, envelope.key, envelope.head.scope, envelope.head.isAvailable]] : [],
    )
    assert.deepEqual(requests, [
      ['routing', 'romeo@example.org', 'self', true],
      ['storage', 'romeo@example.org', 'self', true],
      ['storage', 'juliet@example.org', 'account', false],
    ])
  })

  it('R10: a handler that throws is logged and answered internal-server-error; the session goes on', async () => {
    const module = defineModule({
      spec,
      name: 'broken',
      iq: {
        'get self {x}q': () => {
          throw new Error('a bug')
        },
        'get account {x}q': () => {
          throw new Error('a bug')
        },
      },
    })
    const { world, client } = await romeo({ modules: [module] })
    await client.send("<iq type='get' id='1'><q xmlns='x'/></iq>")
    assert.match(client.heard()[0] ?? '', /<internal-server-error/)
    await client.send("<iq type='get' id='2' to='juliet@example.org'><q xmlns='x'/></iq>")
    assert.match(client.heard()[0] ?? '', /id='2'.*<internal-server-error/)
    assert.equal(world.errors.length, 2)
    await client.send("<message to='juliet@example.org'/>")
    assert.equal(world.routing.messages.length, 1)
  })

  it('a kick ends the session and tells whoever believed in it', async () => {
    const module = defineModule({
      spec,
      name: 'kick',
      iq: {
        'set self {x}q': () => ({
          ok: true,
          effects: [{ do: 'kick', resource: 'orchard', error: { condition: 'policy-violation' } }],
        }),
      },
    })
    const { world, client } = await romeo({ modules: [module] })
    await client.send("<presence to='juliet@example.org'/>")
    await client.send("<iq type='set' id='1'><q xmlns='x'/></iq>")
    assert.equal(client.heard().at(-1), '<policy-violation/>')
    const casts = world.published.flatMap(({ envelope }) => (envelope.kind === 'cast' ? [envelope] : []))
    assert.deepEqual(
      casts.map(({ keys, stanza }) => [keys, stanza.type]),
      [[['juliet@example.org'], 'unavailable']],
    )
    await client.drop()
    assert.equal(world.presence.states.get('romeo@example.org')?.fields.size, 0)
  })

  it('session.ended runs once, when an available session becomes unavailable', async () => {
    const ended: string[] = []
    const module = defineModule({
      spec,
      name: 'ended',
      on: {
        'session.ended': {
          keep: (stanza, context) => {
            ended.push(`${stanza.from} ${stanza.type} ${context.own?.isAvailable}`)
            return pass()
          },
        },
      },
    })
    const { client } = await romeo({ modules: [module] })
    await client.send("<presence type='unavailable'/>")
    await client.send('<presence/>')
    await client.send("<presence type='unavailable'/>")
    await client.drop()
    assert.deepEqual(ended, ['romeo@example.org/orchard unavailable false'])
  })
})
