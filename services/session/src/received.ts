import { bareOf } from '@starling/jid'
import { isRequest, type Stanza, type StanzaError, stanzaError } from '@starling/stanza'
import { contextOf } from './context.ts'
import { performEffects } from './effects.ts'
import { handleRequest } from './iq.ts'
import { handleProbe } from './probe.ts'
import { handleInbound } from './subscription-in.ts'
import { isSubscription } from './subscription-table.ts'
import { deliver, refuseOther, type Turn } from './turn.ts'

/** Handles a stanza addressed to the account itself, from elsewhere. Source: RFC 6121 §8.5.1, §8.5.2. */
export function handleReceived(turn: Turn, stanza: Stanza): void {
  // nobody is online and no request is made: silence, and nothing is fetched
  if (stanza.type === 'probe' && turn.account.sessions.size === 0) return
  if (!turn.account.isLoaded) {
    // the guards below read the account's settings
    turn.isStarved = true
    return
  }
  if (!turn.exists) {
    if (isRequest(stanza))
      refuseOther(turn, stanza, stanzaError('service-unavailable')) // §8.5.1
    else if (isSubscription(stanza.type)) handleInbound(turn, stanza, stanza.type)
    return
  }
  const run = turn.ports.registry.runAll('account.received', stanza, contextOf(turn, undefined))
  performEffects(turn, run.effects, undefined)
  if (run.isStopped) {
    if (run.error !== undefined) refuseOther(turn, stanza, run.error)
    return
  }
  receive(turn, run.stanza)
}

function receive(turn: Turn, stanza: Stanza): void {
  switch (stanza.kind) {
    case 'presence':
      if (isSubscription(stanza.type)) handleInbound(turn, stanza, stanza.type)
      else if (stanza.type === 'probe') handleProbe(turn, stanza)
      return
    case 'iq': {
      if (!isRequest(stanza)) return
      const replies = {
        answer: (reply: Stanza): void => {
          if (reply.to !== '') deliver(turn, bareOf(reply.to), reply, { isOwn: true })
        },
        refuse: (error: StanzaError): void => refuseOther(turn, stanza, error),
      }
      handleRequest(turn, stanza, { scope: 'account', session: undefined, replies })
      return
    }
    case 'message':
      return // routing delivers messages
    default:
      stanza.kind satisfies never
  }
}
