import { contactsOf } from '../blocks/contacts.ts'
import type { Client } from '../client/client.ts'
import type { Found } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'
import type { Crowd } from './crowd.ts'

const userEveryMs = 10
const patienceMs = 15_000

/** Answers what a client must answer, and makes rosters. */
export interface Rosters {
  /** Subscribes everybody in the common group to the contacts it lacks; resolves when all stand, or nothing moves any more. */
  readonly seed: () => Promise<void>
}

/** Watches requests of the server and of contacts; without it servers take clients for dead. */
export function watchRosters(crowd: Crowd): Rosters {
  const group = crowd.groups[0] ?? []
  const both = new Map<Client, ReadonlySet<string>>()
  let approvals = 0
  let movedAt = 0
  const moved = (): void => {
    movedAt = crowd.now()
  }
  crowd.watchers.add((client, found) => {
    const { bytes, start, tagEnd } = found
    const tag = bytes.toString('latin1', start, tagEnd)
    if (tag.startsWith('<iq')) answer(client, found, tag)
    else if (tag.startsWith('<presence') && tag.includes('subscribe')) {
      const type = attribute(tag, 'type')
      if (type === 'subscribe') client.send(`<presence type='subscribed' to='${attribute(tag, 'from')}'/>`)
      if (type === 'subscribed') approvals++
      moved()
    }
  })
  const answer = (client: Client, { bytes, start, end }: Found, tag: string): void => {
    const id = attribute(tag, 'id')
    const type = attribute(tag, 'type')
    if (type === 'result') {
      if (id === 'roster' && crowd.plan.scenario.contacts > 0)
        both.set(client, subscribedBoth(bytes.toString('utf8', start, end)))
      return
    }
    if (type !== 'get' && type !== 'set') return
    const from = attribute(tag, 'from')
    const to = from === '' ? '' : ` to='${from}'`
    const text = bytes.toString('utf8', start, end)
    // RFC 6121 §2.1.6 roster pushes, XEP-0199 §4.1 pings; RFC 6120 §8.2.3: anything else gets an error
    const isKnown = text.includes('jabber:iq:roster') || text.includes('urn:xmpp:ping')
    const error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    client.send(isKnown ? `<iq type='result' id='${id}'${to}/>` : `<iq type='error' id='${id}'${to}>${error}</iq>`)
  }
  return {
    seed: async () => {
      const { contacts } = crowd.plan.scenario
      let asked = 0
      moved()
      for (let place = 0; place < group.length && contacts > 0; place++) {
        const client = group[place]
        if (client?.state !== 'up') continue
        const known = both.get(client)
        const lacking = contactsOf(group, place, contacts).filter(
          (contact) => known?.has(crowd.address(contact)) !== true,
        )
        for (const contact of lacking) client.send(`<presence type='subscribe' to='${crowd.address(contact)}'/>`)
        asked += lacking.length
        if (lacking.length > 0) await sleep(userEveryMs)
      }
      while (approvals < asked && crowd.now() - movedAt < patienceMs) await sleep(100)
      if (approvals < asked) crowd.tally.add('subscriptionsMissing', asked - approvals)
    },
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Contacts of a roster that are subscribed both ways. */
function subscribedBoth(iq: string): ReadonlySet<string> {
  const tags = iq.match(/<item\b[^>]*>/g) ?? []
  return new Set(tags.filter((tag) => attribute(tag, 'subscription') === 'both').map((tag) => attribute(tag, 'jid')))
}
