import {
  answer,
  ask,
  defineModule,
  type Identity,
  type IqHandler,
  refuseStep,
  type StoredIqHandler,
} from '@starling/core'
import { ns, stanzaError } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { refused, result } from './shared/answers.ts'
import { maySeePresence } from './shared/presence-right.ts'

const accountIdentity: Identity = { category: 'account', type: 'registered' }

/**
 * Tells what the server and its accounts are and support, from what the modules declare.
 * Source: XEP-0030 §3, §4, §8.
 */
export const serviceDiscovery = defineModule({
  spec: {
    id: 'XEP-0030',
    name: 'Service Discovery',
    version: '2.5.0',
    status: 'partial',
    note: 'items of an account are its own to see; the domain has none yet',
  },
  name: 'serviceDiscovery',
  features: [ns.discoInfo, ns.discoItems],
  accountFeatures: [ns.discoInfo, ns.discoItems],
  identities: [{ category: 'server', type: 'im', name: 'Starling' }],
  iq: {
    'get domain {http://jabber.org/protocol/disco#info}query': withoutNode((_payload, context) =>
      result(info(context.support.identities, context.support.serverFeatures)),
    ),
    'get self {http://jabber.org/protocol/disco#info}query': withoutNode((_payload, context) =>
      result(info([accountIdentity], context.support.accountFeatures)),
    ),
    'get domain {http://jabber.org/protocol/disco#items}query': withoutNode(() => result(items([]))),
    // §4.1: of an account, its available resources
    'get self {http://jabber.org/protocol/disco#items}query': withoutNode((_payload, context) =>
      result(items(context.sessions.filter((session) => session.isAvailable).map((session) => session.jid))),
    ),
    // §8: to others an empty set, whether or not the account exists
    'get account {http://jabber.org/protocol/disco#items}query': () => result(items([])),
  },
  storedIq: { 'get account {http://jabber.org/protocol/disco#info}query': accountInfo() },
})

/** §3.2, §4.2: none of ours has nodes. */
function withoutNode(handler: IqHandler): IqHandler {
  return (payload, context, request) =>
    payload.attrs['node'] === undefined ? handler(payload, context, request) : refused('item-not-found')
}

/** §8: only to whom the account lets see its presence; the same error for an account that does not exist. */
function accountInfo(): StoredIqHandler {
  return (payload, context, request) =>
    ask('roster.load', { owner: context.account }, (roster) => {
      if (request.from === '' || !maySeePresence(roster, request.from)) {
        return refuseStep(stanzaError('service-unavailable'))
      }
      if (payload.attrs['node'] !== undefined) return refuseStep(stanzaError('item-not-found'))
      return answer(info([accountIdentity], context.support.accountFeatures))
    })
}

function info(identities: readonly Identity[], features: readonly string[]): Element {
  return xml(
    'query',
    { xmlns: ns.discoInfo },
    ...identities.map(({ category, type, name }) =>
      xml('identity', name === undefined ? { category, type } : { category, type, name }),
    ),
    ...features.map((feature) => xml('feature', { var: feature })),
  )
}

function items(jids: readonly string[]): Element {
  return xml('query', { xmlns: ns.discoItems }, ...jids.map((jid) => xml('item', { jid })))
}
