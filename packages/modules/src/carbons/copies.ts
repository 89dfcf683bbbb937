import { type Effect, type Outcome, pass, type RoutingContext, type SessionView } from '@starling/core'
import { bareOf, resourcepartOf } from '@starling/jid'
import { ns, type Stanza } from '@starling/stanza'
import { forwarded, type Wrapped, wrappedFor } from '../shared/forward.ts'
import { numberOption } from '../shared/options.ts'
import { isRecord } from '../shared/slices.ts'
import { type Direction, isEligible } from './eligible.ts'

/** Copies of what the account received, for its resources that did not get it. Source: XEP-0280 §7. */
export function receivedCopies(stanza: Stanza, context: RoutingContext): Outcome {
  return copies(stanza, context, 'received')
}

/** Copies of what one of the account's resources sent, for the others. Source: XEP-0280 §8. */
export function sentCopies(stanza: Stanza, context: RoutingContext): Outcome {
  // a message to oneself is received as well: one copy of it is enough
  if (stanza.to !== '' && bareOf(stanza.to) === context.account) return pass()
  return copies(stanza, context, 'sent')
}

function copies(stanza: Stanza, context: RoutingContext, direction: Direction): Outcome {
  const { account } = context
  const sender = stanza.from !== '' && bareOf(stanza.from) === account ? resourcepartOf(stanza.from) : ''
  // Nobody received it: it is kept, and who is not there yet gets it on coming (XEP-0160 §2), so a copy would be the second
  const isKept = direction === 'received' && context.chosen.length === 0
  const receivers = context.sessions.filter(
    // §7: not who received it anyway; §8: not who sent it
    (session) =>
      isEnabled(session) &&
      session.resource !== sender &&
      !context.chosen.includes(session.resource) &&
      (session.isAvailable || !isKept),
  )
  if (receivers.length === 0 || !isEligible(stanza, direction, account)) return pass()
  const { before, inner, after } = forwarded(stanza.raw)
  const wrapped: Wrapped = {
    from: account, // §7, §8: MUST
    type: stanza.type,
    payload: `{${ns.carbons}}${direction}`,
    before: `<${direction} xmlns='${ns.carbons}'>${before}`,
    inner,
    after: `${after}</${direction}>`,
  }
  const effects: readonly Effect[] = receivers
    .slice(0, numberOption(context, 'XEP-0280', 'maxCopies'))
    .map(({ resource, jid }) => ({ do: 'deliver', resource, stanza: wrappedFor(wrapped, jid) }))
  return pass(...effects)
}

function isEnabled(session: SessionView): boolean {
  return isRecord(session.slice) && session.slice['isEnabled'] === true
}
