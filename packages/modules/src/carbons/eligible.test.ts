import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { juliet } from '../testing/contexts.ts'
import { stanzaOfText } from '../testing/markup.ts'
import { type Direction, isEligible } from './eligible.ts'

const body = '<body>hi</body>'
const composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
const receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>"
const marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"
const muc = (inner = '') => `<x xmlns='http://jabber.org/protocol/muc#user'>${inner}</x>`
const invite = muc("<invite to='juliet@capulet.example'/>")
const error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
const friend = 'romeo@montague.example/garden'
const room = 'coven@chat.example'

const table: readonly (readonly [
  clause: string,
  direction: Direction,
  type: string,
  other: string,
  inner: string,
  expected: boolean,
])[] = [
  ['chat, whatever it holds', 'received', 'chat', friend, composing, true],
  ['normal with a body', 'received', 'normal', friend, body, true],
  ['normal without one', 'received', 'normal', friend, '<subject>s</subject>', false],
  ['normal with a chat state', 'received', 'normal', friend, composing, true],
  ['normal with a receipt', 'received', 'normal', friend, receipt, true],
  ['normal with a marker', 'received', 'normal', friend, marker, true],
  ['headline', 'received', 'headline', friend, body, false],
  ['groupchat', 'received', 'groupchat', `${room}/hag`, body, false],
  ['groupchat that is sent', 'sent', 'groupchat', room, body + receipt, false],
  ['a direct invitation', 'received', 'normal', friend, "<x xmlns='jabber:x:conference' jid='c@d.example'/>", true],
  ['a mediated invitation', 'received', 'normal', room, invite, true],
  ['a mediated invitation that is sent', 'sent', 'normal', room, invite, true],
  ['what else a room tells', 'received', 'normal', room, muc("<status code='104'/>"), false],
  ['a private message to an occupant', 'sent', 'chat', `${room}/hag`, body + muc(), true],
  ['a private message of an occupant', 'received', 'chat', `${room}/hag`, body + muc(), false],
  ['the same as a normal message', 'received', 'normal', `${room}/hag`, body + muc(), false],
  ['an error that shows a conversation', 'received', 'error', friend, body + error, true],
  ['an error that shows a receipt', 'received', 'error', friend, receipt + error, true],
  ['an error that shows an invitation', 'received', 'error', friend, invite + error, true],
  ['an error that shows nothing', 'received', 'error', friend, error, true],
  ['an error that shows something else', 'received', 'error', friend, `<x xmlns='urn:else'/>${error}`, false],
  ['§10.3: an error of a resource of ours, which may answer a copy', 'received', 'error', `${juliet}/c`, error, false],
  [
    'XEP-0334 §5: hints in an error are ignored',
    'received',
    'error',
    friend,
    `${body}<no-copy xmlns='urn:xmpp:hints'/>${error}`,
    true,
  ],
]

describe('XEP-0280 §6.1: messages eligible for carbons', () => {
  for (const [clause, direction, type, other, inner, expected] of table) {
    it(`${clause}: ${expected ? 'copied' : 'not copied'}`, () => {
      const [from, to] = direction === 'received' ? [other, juliet] : [`${juliet}/b`, other]
      const stanza = stanzaOfText(`<message type='${type}' from='${from}' to='${to}'>${inner}</message>`)
      assert.equal(isEligible(stanza, direction, juliet), expected)
    })
  }

  it('only messages', () => {
    const presence = stanzaOfText("<presence from='romeo@montague.example/o'/>")
    assert.equal(isEligible(presence, 'received', juliet), false)
  })
})
