import { defineModule, type IqHandler } from '@starling/core'
import { ns } from '@starling/stanza'
import { always, result } from '../shared/answers.ts'
import { receivedCopies, sentCopies } from './copies.ts'

/**
 * Gives every resource that wants it both sides of all conversations.
 * Source: XEP-0280.
 */
export const carbons = defineModule({
  spec: {
    id: 'XEP-0280',
    name: 'Message Carbons',
    version: '1.0.1',
    status: 'complete',
    note: 'private messages to occupants of a room are copied to every resource, joined or not (§6.1)',
  },
  name: 'carbons',
  features: [ns.carbons, ns.carbonsRules],
  options: {
    maxCopies: {
      type: 'int',
      default: 50,
      min: 1,
      unit: 'resources',
      doc: 'How many resources of an account get a copy of one message; those beyond get none.',
    },
  },
  slice: { isEnabled: false },
  bind2: { '{urn:xmpp:carbons:2}enable': { isEnabled: true } }, // XEP-0386 §4
  switches: {
    'set self {urn:xmpp:carbons:2}enable': { isEnabled: true },
    'set self {urn:xmpp:carbons:2}disable': { isEnabled: false },
  },
  iq: {
    'set self {urn:xmpp:carbons:2}enable': enabled(true), // §4
    'set self {urn:xmpp:carbons:2}disable': enabled(false), // §5
    'set account {urn:xmpp:carbons:2}enable': always('not-allowed'), // §4.1
    'set account {urn:xmpp:carbons:2}disable': always('not-allowed'), // §5.1
  },
  on: {
    'routing.deliver': { copy: receivedCopies },
    'routing.sentCopy': { copy: sentCopies },
  },
})

/** §10.1: asking twice is no error. */
function enabled(isEnabled: boolean): IqHandler {
  return () => result(undefined, { do: 'remember', slice: { isEnabled } })
}
