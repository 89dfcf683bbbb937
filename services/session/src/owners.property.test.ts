import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FullJid } from '@starling/jid'
import fc from 'fast-check'
import { assertAgreement } from './testing/agreement.ts'
import { type Client, connectClient } from './testing/client.ts'
import { createOwners, type Owners } from './testing/owners.ts'

const names = ['romeo', 'juliet'] as const
const contact = 'juliet@example.org'
const roster = (type: string, content: string): string =>
  `<iq type='${type}' id='%'><query xmlns='jabber:iq:roster'>${content}</query></iq>`

/** `%` becomes the stanza's id. */
const stanza = fc.constantFrom(
  `<message id='%' to='${contact}'/>`,
  `<message id='%' to='${contact}'/>`,
  '<presence/>',
  "<presence type='unavailable'/>",
  `<presence type='subscribe' to='${contact}'/>`,
  roster('get', ''),
  roster('set', `<item jid='${contact}'/>`),
  roster('set', "<item jid='nurse@example.org' subscription='remove'/>"),
)
const owner = fc.nat(2)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('send' as const), xml: stanza }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('serve' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('begin' as const), owner, records: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('publish' as const), owner, count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 5, arbitrary: fc.record({ does: fc.constant('finish' as const), owner, commits: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('restart' as const), owner }) },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Sent {
  readonly messages: string[]
  readonly requests: string[]
}

function send(client: Client, xml: string, sent: Sent): void {
  const id = `s${sent.messages.length}-${sent.requests.length}`
  if (xml.startsWith('<message')) sent.messages.push(id)
  if (xml.startsWith('<iq')) sent.requests.push(id)
  client.queue(xml.replace('%', id))
}

async function take(owners: Owners, one: Exclude<Step, { does: 'send' }>): Promise<void> {
  switch (one.does) {
    case 'serve':
      owners.serve()
      break
    case 'begin':
      await owners.begin(one.owner, one.records)
      break
    case 'publish':
      owners.publish(one.owner, one.count)
      break
    case 'finish':
      await owners.finish(one.owner, one.commits)
      break
    case 'restart':
      owners.restart(one.owner)
      break
    default:
      one satisfies never
  }
}

describe('R3 three owners at once, each slow, dead or new at any moment', () => {
  it('say everything once, in order, whatever each of them remembers, and however each cuts the log', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const owners = createOwners(names, 3)
        let connections = 0
        const run = (): Promise<void> => owners.settle(0)
        const nextConnection = (): number => ++connections
        const ports = { routing: owners.routing, append: owners.append, run, nextConnection }
        const client = await connectClient(ports, 'romeo@example.org/orchard' as FullJid)
        await connectClient(ports, 'juliet@example.org/balcony' as FullJid)
        const sent: Sent = { messages: [], requests: [] }
        for (const one of steps) {
          if (one.does === 'send') send(client, one.xml, sent)
          else await take(owners, one)
        }
        // those who are left have their say, in turn; the last one does the rest
        for (const number of [0, 1]) await owners.finish(number, false)
        owners.restart(2)
        await owners.settle(2)
        assert.deepEqual(owners.errors, [])
        assert.deepEqual(
          owners.routing.messages.map(({ id }) => id),
          sent.messages,
        )
        const heard = owners.routing.written.get(client.connection) ?? []
        for (const id of sent.requests)
          assert.equal(heard.filter((xml) => xml.includes(`id='${id}'`)).length, 1, `answers to ${id}`)
        for (const state of owners.presence.states.values()) assert.equal(state.decision, undefined)
        assertAgreement(owners, names)
      }),
      { numRuns: 1_000 },
    )
  })
})
