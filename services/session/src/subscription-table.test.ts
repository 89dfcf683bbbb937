import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RosterItem } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Stanza } from '@starling/stanza'
import { blankItem, readRoster, seesUs } from './roster.ts'
import { presence } from './stanza-edit.ts'
import {
  inbound,
  inState,
  isSubscription,
  outbound,
  type SubscriptionState,
  type SubscriptionType,
  stateOf,
  subscriptionStates,
  subscriptionTypes,
} from './subscription-table.ts'
import type { Client } from './testing/client.ts'
import { createWorld, type World } from './testing/world.ts'

// The tables of RFC 6121 appendix A in their own words: existing state | routed or delivered | new state ('-': no change).
const appendix: Readonly<Record<'A.2' | 'A.3', Readonly<Record<SubscriptionType, string>>>> = {
  'A.2': {
    subscribe: `
      None | MUST | None + Pending Out
      None + Pending Out | MUST | -
      None + Pending In | MUST | None + Pending Out+In
      None + Pending Out+In | MUST | -
      To | MUST | -
      To + Pending In | MUST | -
      From | MUST | From + Pending Out
      From + Pending Out | MUST | -
      Both | MUST | -`,
    unsubscribe: `
      None | MUST | -
      None + Pending Out | MUST | None
      None + Pending In | MUST | -
      None + Pending Out+In | MUST | None + Pending In
      To | MUST | None
      To + Pending In | MUST | None + Pending In
      From | MUST | -
      From + Pending Out | MUST | From
      Both | MUST | From`,
    subscribed: `
      None | MUST NOT | -
      None + Pending Out | MUST NOT | -
      None + Pending In | MUST | From
      None + Pending Out+In | MUST | From + Pending Out
      To | MUST NOT | -
      To + Pending In | MUST | Both
      From | MUST NOT | -
      From + Pending Out | MUST NOT | -
      Both | MUST NOT | -`,
    unsubscribed: `
      None | MUST NOT | -
      None + Pending Out | MUST NOT | -
      None + Pending In | MUST | None
      None + Pending Out+In | MUST | None + Pending Out
      To | MUST NOT | -
      To + Pending In | MUST | To
      From | MUST | None
      From + Pending Out | MUST | None + Pending Out
      Both | MUST | To`,
  },
  'A.3': {
    subscribe: `
      None | MUST | None + Pending In
      None + Pending Out | MUST | None + Pending Out+In
      None + Pending In | MUST NOT | -
      None + Pending Out+In | MUST NOT | -
      To | MUST | To + Pending In
      To + Pending In | MUST NOT | -
      From | MUST NOT | -
      From + Pending Out | MUST NOT | -
      Both | MUST NOT | -`,
    unsubscribe: `
      None | MUST NOT | -
      None + Pending Out | MUST NOT | -
      None + Pending In | MUST | None
      None + Pending Out+In | MUST | None + Pending Out
      To | MUST NOT | -
      To + Pending In | MUST | To
      From | MUST | None
      From + Pending Out | MUST | None + Pending Out
      Both | MUST | To`,
    subscribed: `
      None | MUST NOT | -
      None + Pending Out | MUST | To
      None + Pending In | MUST NOT | -
      None + Pending Out+In | MUST | To + Pending In
      To | MUST NOT | -
      To + Pending In | MUST NOT | -
      From | MUST NOT | -
      From + Pending Out | MUST | Both
      Both | MUST NOT | -`,
    unsubscribed: `
      None | MUST NOT | -
      None + Pending Out | MUST | None
      None + Pending In | MUST NOT | -
      None + Pending Out+In | MUST | None + Pending In
      To | MUST | None
      To + Pending In | MUST | None + Pending In
      From | MUST NOT | -
      From + Pending Out | MUST | From
      Both | MUST | From`,
  },
}

interface Row {
  readonly state: SubscriptionState
  readonly isPassed: boolean
  readonly next: SubscriptionState
}

/** The RFC's name of a state in ours. */
function stateNamed(text: string): SubscriptionState {
  return text.toLowerCase().replace(' + pending ', '+') as SubscriptionState
}

function rowsOf(text: string): readonly Row[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [state = '', must = '', next = ''] = line.split('|').map((cell) => cell.trim())
      const before = stateNamed(state)
      return { state: before, isPassed: must === 'MUST', next: next === '-' ? before : stateNamed(next) }
    })
}

const juliet = 'juliet@example.org' as BareJid
const romeo = 'romeo@example.org' as BareJid
const request = presence('subscribe', juliet, romeo).raw

function itemIn(state: SubscriptionState): RosterItem {
  const item = { ...inState(blankItem(juliet), state, request) }
  // what is only a request of a stranger is not in the roster that clients see
  return { ...item, isListed: state !== 'none' && state !== 'none+in' }
}

describe('RFC 6121 appendix A subscription states', () => {
  it('A.1: there are nine, and an item reads back as the state it was put in', () => {
    assert.equal(subscriptionStates.length, 9)
    for (const state of subscriptionStates) assert.equal(stateOf(itemIn(state)), state)
  })

  for (const [clause, table] of [
    ['A.2', outbound],
    ['A.3', inbound],
  ] as const) {
    for (const type of subscriptionTypes) {
      it(`${clause} ${type}: every state as the appendix has it`, () => {
        const rows = rowsOf(appendix[clause][type])
        assert.deepEqual(
          rows.map(({ state }) => state),
          subscriptionStates,
        )
        for (const { state, isPassed, next } of rows) assert.deepEqual(table[type][state], { isPassed, next }, state)
      })
    }
  }
})

interface Scene {
  readonly world: World
  readonly client: Client
  readonly state: SubscriptionState
}

/** Romeo online, with Juliet in his roster in a state. */
async function scene(state: SubscriptionState): Promise<Scene> {
  const world = createWorld(['romeo', 'juliet'])
  world.storage.rosters.set(romeo, { version: '', items: state === 'none' ? [] : [itemIn(state)] })
  const client = await world.connect('romeo', 'orchard')
  await client.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
  await client.send('<presence/>')
  client.heard()
  world.published.length = 0
  return { world, client, state }
}

function storedItem({ world }: Scene): RosterItem | undefined {
  return readRoster(world.storage.rosters.get(romeo) as never)?.items.get(juliet)
}

function told({ world }: Scene, type: string): readonly Stanza[] {
  return world.published.flatMap(({ to, envelope }) =>
    to === 'session' && envelope.kind === 'account' && envelope.key === juliet && envelope.stanza.type === type
      ? [envelope.stanza]
      : [],
  )
}

/** What clients see of a state: not that something is pending in. */
function visible(state: SubscriptionState): string {
  return state.replace('+in', '')
}

async function clientSends(type: SubscriptionType, { state, isPassed, next }: Row): Promise<void> {
  const here = await scene(state)
  await here.client.send(`<presence type='${type}' to='juliet@example.org/balcony'/>`)
  const passed = told(here, type)
  assert.equal(passed.length, isPassed ? 1 : 0)
  for (const stanza of passed) assert.deepEqual([stanza.from, stanza.to], [romeo, juliet]) // §3.1.2: bare
  const item = storedItem(here)
  assert.equal(item === undefined ? 'none' : stateOf(item), next)
  // §3.4.2: approval that nobody asked for is kept
  const isPreApproval = type === 'subscribed' && !isPassed && !seesUs(itemIn(state))
  assert.equal(item?.approved ?? false, isPreApproval)
  // §3.1.5, §3.2.2: presence follows the subscription
  const saw = seesUs(itemIn(state))
  const sees = seesUs(itemIn(next))
  const shown = here.world.published.flatMap(({ envelope }) =>
    envelope.kind === 'deliver' && envelope.key === juliet && !isSubscription(envelope.stanza.type)
      ? [envelope.stanza.type]
      : [],
  )
  assert.deepEqual(shown, saw === sees ? [] : [sees ? '' : 'unavailable'])
  assert.deepEqual(here.world.errors, [])
}

async function contactSends(type: SubscriptionType, { state, isPassed, next }: Row): Promise<void> {
  const here = await scene(state)
  for (let repeated = 0; repeated < 2; repeated++) {
    here.world.append({ kind: 'account', key: romeo, atMs: 5, stanza: presence(type, juliet, romeo) })
    await here.world.run()
  }
  const heard = here.client.heard()
  const delivered = heard.filter((xml) => xml.startsWith('<presence') && xml.includes(`type='${type}'`))
  // the repetition finds the new state, where the appendix has nothing more to deliver
  assert.equal(delivered.length, isPassed ? 1 : 0)
  const item = storedItem(here)
  assert.equal(item === undefined ? 'none' : stateOf(item), next)
  // §3.1.3: who sees us already is answered
  assert.equal(told(here, 'subscribed').length, type === 'subscribe' && seesUs(itemIn(state)) ? 2 : 0)
  const pushes = heard.filter((xml) => xml.startsWith('<iq'))
  assert.equal(pushes.length, visible(state) === visible(next) ? 0 : 1)
  assert.deepEqual(here.world.errors, [])
}

describe('RFC 6121 §3 with appendix A: what a client does', () => {
  for (const type of subscriptionTypes) {
    for (const row of rowsOf(appendix['A.2'][type])) {
      const fate = row.isPassed ? 'routed' : 'kept here'
      it(`A.2 ${type} in ${row.state}: ${fate}, then ${row.next}`, () => clientSends(type, row))
    }
  }
})

describe('RFC 6121 §3 with appendix A: what a contact does', () => {
  for (const type of subscriptionTypes) {
    for (const row of rowsOf(appendix['A.3'][type])) {
      const fate = row.isPassed ? 'delivered' : 'not delivered'
      it(`A.3 ${type} in ${row.state}: ${fate}, then ${row.next}`, () => contactSends(type, row))
    }
  }
})
