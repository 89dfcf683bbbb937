import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { offlineMessages } from './offline-messages.ts'
import { routingContext } from './testing/contexts.ts'
import { stanzaOfText } from './testing/markup.ts'

function verdict(type: string, inner: string): string {
  const stanza = stanzaOfText(
    `<message from='romeo@montague.example/o' to='juliet@capulet.example'${type}>${inner}</message>`,
  )
  const outcome = offlineMessages.on?.['routing.offline']?.guard?.(stanza, routingContext(offlineMessages))
  if (outcome?.verdict !== 'stop') return outcome?.verdict === 'pass' ? 'kept' : 'changed'
  return outcome.error === undefined ? 'dropped' : outcome.error.condition
}
const hint = (name: string) => `<${name} xmlns='urn:xmpp:hints'/>`
const body = '<body>hi</body>'
const composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
const receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>"

const table: readonly (readonly [clause: string, type: string, inner: string, verdict: string])[] = [
  ['XEP-0160 §3: normal is kept', '', body, 'kept'],
  ['XEP-0160 §3: chat is kept', " type='chat'", body, 'kept'],
  ['XEP-0160 §3: chat with more than a chat state is kept', " type='chat'", composing + receipt, 'kept'],
  ['XEP-0160 §3: chat of chat states only is not', " type='chat'", `<thread>t</thread>${composing}`, 'dropped'],
  ['chat states with a store hint beside them are', " type='chat'", composing + hint('store'), 'kept'],
  ['XEP-0160 §3, RFC 6121 §8.5.2.2.1: groupchat is answered', " type='groupchat'", body, 'service-unavailable'],
  ['XEP-0160 §3: headline is dropped', " type='headline'", body, 'dropped'],
  ['XEP-0334 §4.4: a headline worth storing is kept', " type='headline'", body + hint('store'), 'kept'],
  ['XEP-0160 §3: error is dropped', " type='error'", body, 'dropped'],
  ['XEP-0334 §4.4, §5: hints of errors are ignored', " type='error'", body + hint('store'), 'dropped'],
  [
    'XEP-0334 §4.2: no-store is not kept, and the sender is told',
    " type='chat'",
    body + hint('no-store'),
    'service-unavailable',
  ],
  ['XEP-0334 §4.2: nobody is told of what said nothing', " type='chat'", receipt + hint('no-store'), 'dropped'],
  ['XEP-0334 §3.3, §4.1: no-permanent-store may wait', " type='chat'", body + hint('no-permanent-store'), 'kept'],
]

describe('XEP-0160 Best Practices for Handling Offline Messages', () => {
  for (const [clause, type, inner, expected] of table) {
    it(clause, () => assert.equal(verdict(type, inner), expected))
  }
})
