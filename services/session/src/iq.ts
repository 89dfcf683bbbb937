import type { IqScope } from '@starling/core'
import { iqResult, ns, payloadOf, type Stanza, type StanzaError, stanzaError } from '@starling/stanza'
import { availableSessions, type Session } from './account.ts'
import { contextOf } from './context.ts'
import { performEffects } from './effects.ts'
import { getRoster } from './roster-get.ts'
import { setRoster } from './roster-set.ts'
import { emit, type Turn } from './turn.ts'

/** How a request's answer goes back. */
export interface Replies {
  readonly answer: (stanza: Stanza) => void
  readonly refuse: (error: StanzaError) => void
}

/** Answers an IQ request that is the server's to answer. Source: RFC 6120 §8.2.3; RFC 6121 §8.5.2.1.3. */
export function handleRequest(
  turn: Turn,
  request: Stanza,
  more: { readonly scope: IqScope; readonly session: Session | undefined; readonly replies: Replies },
): void {
  const { scope, session, replies } = more
  const name = request.payloads[0] ?? ''
  if (name === rosterQuery) {
    if (scope === 'self' && session !== undefined) {
      handleRoster(turn, session, request)
      return
    }
    // RFC 6121 §2.3.3: a roster is its owner's alone
    if (scope === 'account') {
      replies.refuse(stanzaError('forbidden'))
      return
    }
  }
  // RFC 3921 §3: old clients open a session; it does nothing
  if (name === legacySession && request.type === 'set' && scope !== 'account') {
    replies.answer(iqResult(request))
    return
  }
  const found = turn.ports.registry.findIq(request.type, scope, name)
  const payload = payloadOf(request)
  // RFC 6120 §8.3.3.19: the one place for requests that nobody serves
  if (found === undefined || payload === undefined) {
    replies.refuse(stanzaError('service-unavailable'))
    return
  }
  if (found.at === 'storage') {
    const { jid: key, slices } = turn.account
    const isAvailable = availableSessions(turn.account).length > 0
    const head = { scope, isAvailable, slices }
    const inbox = found.readsArchive ? 'routing' : 'storage'
    emit(turn, inbox, { kind: 'request', key, atMs: turn.nowMs, stanza: request, head })
    return
  }
  const answer = found.handler(payload, contextOf(turn, session)(found.module), request)
  if (!answer.ok) {
    replies.refuse(answer.error)
    return
  }
  const effects = (answer.effects ?? []).map((effect) => ({ module: found.module, effect }))
  performEffects(turn, effects, session?.resource)
  replies.answer(iqResult(request, answer.payload))
}

const rosterQuery = `{${ns.roster}}query`
const legacySession = `{${ns.session}}session`

function handleRoster(turn: Turn, session: Session, request: Stanza): void {
  const query = payloadOf(request)
  if (query === undefined) return
  if (request.type === 'get') getRoster(turn, session, request, query)
  else setRoster(turn, session, request, query)
}
