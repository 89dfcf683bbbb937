import { defineModule, type Effect, type IqAnswer, type SessionContext } from '@starling/core'
import type { Jid } from '@starling/jid'
import { makeStanza, ns } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { refused, result } from '../shared/answers.ts'
import { numberOption } from '../shared/options.ts'
import { isRecord } from '../shared/slices.ts'
import { type BlockList, isBeyondBlocking, readBlockList, readItems } from './block-list.ts'
import { archived, incoming, outgoing } from './guards.ts'

const id = 'XEP-0191'

/**
 * Keeps an account's list of addresses that it wants to have nothing to do with.
 * Source: XEP-0191 §3.
 */
export const blocking = defineModule({
  spec: { id, name: 'Blocking Command', version: '1.3', status: 'complete' },
  name: 'blocking',
  features: [ns.blocking],
  options: {
    maxAddresses: {
      type: 'int',
      default: 1000,
      min: 1,
      max: 10_000,
      unit: 'addresses',
      doc: 'How many addresses an account may block; one more is refused with resource-constraint.',
    },
  },
  slice: { isListening: false },
  accountSlice: [],
  switches: { 'get self {urn:xmpp:blocking}blocklist': { isListening: true } },
  iq: {
    'get self {urn:xmpp:blocking}blocklist': list,
    'set self {urn:xmpp:blocking}block': block,
    'set self {urn:xmpp:blocking}unblock': unblock,
  },
  on: {
    'session.sent': { guard: outgoing },
    'account.received': { guard: incoming },
    'routing.deliver': { guard: incoming },
    'archive.store': { guard: archived },
  },
})

/** §3.2; who asks for the list hears of its changes. */
function list(_payload: Element, context: SessionContext): IqAnswer {
  return result(
    itemsElement('blocklist', readBlockList(context.accountSlice)),
    ...(context.own === undefined || isListening(context.own) ? [] : [remember]),
  )
}

const remember: Effect = { do: 'remember', slice: { isListening: true } }

/** §3.3 */
function block(payload: Element, context: SessionContext): IqAnswer {
  const read = readItems(payload)
  if (!read.ok) return read
  const jids = read.value
  if (jids.length === 0) return refused('bad-request', 'nobody to block')
  const before = readBlockList(context.accountSlice)
  const fresh = jids.filter((jid) => !before.includes(jid))
  const max = numberOption(context, id, 'maxAddresses')
  if (before.length + fresh.length > max) {
    return refused('resource-constraint', `an account may block ${max} addresses`)
  }
  return result(
    undefined,
    // §3.3: they see the account go before the list stands between them
    ...show(context, fresh, 'unavailable'),
    ...remembered(before, [...before, ...fresh]),
    ...pushes(context, itemsElement('block', jids)),
  )
}

/** §3.4, and §3.5 where no item is named. */
function unblock(payload: Element, context: SessionContext): IqAnswer {
  const read = readItems(payload)
  if (!read.ok) return read
  const before = readBlockList(context.accountSlice)
  const isAll = read.value.length === 0
  const named: ReadonlySet<string> = new Set(read.value)
  const gone = before.filter((jid) => isAll || named.has(jid))
  const after = before.filter((jid) => !isAll && !named.has(jid))
  return result(
    undefined,
    ...remembered(before, after),
    ...show(context, gone, 'current'),
    ...pushes(context, itemsElement('unblock', read.value)),
  )
}

function remembered(before: BlockList, after: BlockList): readonly Effect[] {
  return before.length === after.length ? [] : [{ do: 'rememberAccount', slice: after }]
}

/** §3.3, §3.4: presence that the other side may see. */
function show(context: SessionContext, jids: readonly Jid[], as: 'current' | 'unavailable'): readonly Effect[] {
  return jids
    .filter((jid) => !isBeyondBlocking(jid, context.account, context.domain))
    .map((to) => ({ do: 'showPresence', to, as }))
}

/** §3.3, §3.4: told to every resource that asked for the list. */
function pushes(context: SessionContext, change: Element): readonly Effect[] {
  return context.sessions.filter(isListening).map(({ resource, jid }) => ({
    do: 'deliver',
    resource,
    stanza: makeStanza(xml('iq', { from: context.account, to: jid, id: context.id(), type: 'set' }, change)),
  }))
}

function isListening(session: SessionContext['sessions'][number]): boolean {
  const { slice } = session
  return isRecord(slice) && slice['isListening'] === true
}

function itemsElement(name: string, jids: readonly string[]): Element {
  return xml(name, { xmlns: ns.blocking }, ...jids.map((jid) => xml('item', { jid })))
}
