import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Jid } from '@starling/jid'
import type { Stanza, StanzaKind } from '@starling/stanza'
import type { RoutedSession } from './account.ts'
import { choose } from './choose.ts'

const bare = 'juliet@example.net'
const full = `${bare}/balcony`

function stanza(kind: StanzaKind, type: string): Stanza {
  return {
    kind,
    type,
    id: '1',
    from: 'romeo@example.net/o' as Jid,
    to: bare as Jid,
    payloads: [],
    raw: new Uint8Array(0),
  }
}

/** Sessions by resource: a priority, or undefined for connected but not available. */
function sessions(priorities: Record<string, number | undefined>): ReadonlyMap<string, RoutedSession> {
  return new Map(
    Object.entries(priorities).map(([resource, priority]) => [
      resource,
      {
        target: { slot: 0, epoch: 0, connection: 1 },
        isAvailable: priority !== undefined,
        priority: priority ?? 0,
        slices: {},
      },
    ]),
  )
}

/** The fate, or the resources in order. */
function fate(kind: StanzaKind, type: string, to: string, priorities: Record<string, number | undefined>): string {
  const choice = choose(stanza(kind, type), to, sessions(priorities))
  return choice.fate === 'deliver' ? [...choice.resources].sort().join(' ') : choice.fate
}

describe('RFC 6121 §8.5.4: the table of delivery rules', () => {
  const nobody = {}
  const negative = { balcony: -1 }
  const one = { balcony: 1 }
  const two = { balcony: 5, chamber: 5, garden: 1 }
  // [kind, type, bare: nobody, negative only, one, several; full: no match among one other, match]
  const rows: readonly (readonly [StanzaKind, string, string, string, string, string, string, string])[] = [
    ['message', 'normal', 'offline', 'offline', 'balcony', 'balcony chamber', 'bounce', 'balcony'],
    ['message', 'chat', 'offline', 'offline', 'balcony', 'balcony chamber', 'orchard', 'balcony'],
    ['message', 'groupchat', 'bounce', 'bounce', 'bounce', 'bounce', 'bounce', 'balcony'],
    ['message', 'headline', 'ignore', 'ignore', 'balcony', 'balcony chamber garden', 'ignore', 'balcony'],
    ['message', 'error', 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'balcony'],
    ['presence', '', 'ignore', 'balcony', 'balcony', 'balcony chamber garden', 'ignore', 'balcony'],
    ['presence', 'unavailable', 'ignore', 'balcony', 'balcony', 'balcony chamber garden', 'ignore', 'balcony'],
    ['iq', 'get', 'bounce', 'bounce', 'bounce', 'bounce', 'bounce', 'balcony'],
    ['iq', 'set', 'bounce', 'bounce', 'bounce', 'bounce', 'bounce', 'balcony'],
    ['iq', 'result', 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'balcony'],
    ['iq', 'error', 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'balcony'],
  ]
  for (const [kind, type, atNobody, atNegative, atOne, atSeveral, noMatch, match] of rows) {
    it(`${kind} ${type || 'available'}`, () => {
      assert.equal(fate(kind, type, bare, nobody), atNobody, '§8.5.2.2 no resource')
      assert.equal(fate(kind, type, bare, negative), atNegative, 'only a negative priority')
      assert.equal(fate(kind, type, bare, one), atOne, '§8.5.2.1 one available resource')
      assert.equal(fate(kind, type, bare, two), atSeveral, '§8.5.2.1 several available resources')
      assert.equal(fate(kind, type, full, { orchard: 1 }), noMatch, '§8.5.3.2 no matching resource')
      assert.equal(fate(kind, type, full, negative), match, '§8.5.3.1 a matching resource, even of negative priority')
      assert.equal(fate(kind, type, full, { balcony: undefined }), match, '§8.5.3.1 connected is enough')
    })
  }

  it('§8.5.3.2.1: a chat message for a resource that is gone goes offline when nobody else takes messages', () => {
    assert.equal(fate('message', 'chat', full, {}), 'offline')
    assert.equal(fate('message', 'chat', full, { orchard: -1 }), 'offline')
  })

  it('a connected resource that is not available takes nothing sent to the bare JID', () => {
    assert.equal(fate('message', 'chat', bare, { balcony: undefined }), 'offline')
    assert.equal(fate('presence', '', bare, { balcony: undefined }), 'ignore')
  })
})
