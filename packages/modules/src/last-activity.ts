import {
  answer,
  ask,
  defineModule,
  type Handler,
  pass,
  refuseStep,
  type Step,
  type StorageContext,
  type StoredIqHandler,
} from '@starling/core'
import { bareOf, resourcepartOf } from '@starling/jid'
import { elementOf, ns, type Stanza, stanzaError } from '@starling/stanza'
import { decodeJson, encodeJson } from '@starling/wire'
import { xml } from '@starling/xml'
import { numberOption } from './shared/options.ts'
import { maySeePresence } from './shared/presence-right.ts'

const id = 'XEP-0012'
const document = { kind: 'last', name: 'unavailable' } as const

type LastSeen = { readonly atMs: number; readonly status: string }

/**
 * Tells since when an account is away, and what it said when it left.
 * Source: XEP-0012 §3.
 */
export const lastActivity = defineModule({
  spec: {
    id,
    name: 'Last Activity',
    version: '2.0',
    status: 'partial',
    note: 'accounts (§3); requests to a full JID go to the client unchecked (§4); pods come and go, so no uptime (§5)',
  },
  name: 'lastActivity',
  accountFeatures: [ns.last],
  options: {
    maxStatusCharacters: {
      type: 'int',
      default: 1000,
      min: 0,
      unit: 'characters',
      doc: 'How much of the last status text is kept; what is longer is cut.',
    },
  },
  storedIq: { 'get account {jabber:iq:last}query': accountLast() },
  on: { 'session.ended': { keep: rememberLast() } },
})

function accountLast(): StoredIqHandler {
  return (_payload, context, request) => {
    if (request.from !== '' && bareOf(request.from) === context.account) return lastSeen(context)
    return ask(
      'roster.load',
      { owner: context.account },
      (roster) =>
        request.from !== '' && maySeePresence(roster, request.from)
          ? lastSeen(context)
          : refuseStep(stanzaError('forbidden')), // §3, §8
    )
  }
}

function lastSeen(context: StorageContext): Step {
  if (context.isAvailable) return answer(xml('query', { xmlns: ns.last, seconds: '0' })) // §3
  return ask('document.get', { owner: context.account, ...document }, (found) => {
    const last = found === undefined ? undefined : readLastSeen(decodeJson(found.body))
    if (last === undefined) return refuseStep(stanzaError('item-not-found')) // never was there
    const seconds = Math.max(0, Math.floor((context.nowMs - last.atMs) / 1000))
    return answer(
      xml(
        'query',
        { xmlns: ns.last, seconds: String(seconds) },
        ...(last.status === '' ? [] : [last.status]), // §3: the status of the unavailable presence
      ),
    )
  })
}

/** Writes the time when the last available session goes. */
function rememberLast(): Handler<'session.ended'> {
  return (stanza, context) => {
    const ended = stanza.from === '' ? '' : resourcepartOf(stanza.from)
    if (context.sessions.some((session) => session.isAvailable && session.resource !== ended)) return pass()
    const last: LastSeen = {
      atMs: context.nowMs,
      status: statusOf(stanza, numberOption(context, id, 'maxStatusCharacters')),
    }
    const args = { owner: context.account, ...document, body: encodeJson(last) }
    return pass({ do: 'write', call: { query: 'document.put', args } })
  }
}

function statusOf(stanza: Stanza, maxCharacters: number): string {
  if (!stanza.payloads.includes(`{${ns.client}}status`)) return ''
  const status = elementOf(stanza).getChild('status', ns.client)?.getText() ?? ''
  return Array.from(status).slice(0, maxCharacters).join('')
}

function readLastSeen(json: unknown): LastSeen | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const { atMs, status } = json as { atMs?: unknown; status?: unknown }
  return typeof atMs === 'number' && typeof status === 'string' ? { atMs, status } : undefined
}
