import type { RosterItem } from '@starling/core'

/** The four stanzas that manage subscriptions. Source: RFC 6121 §3. */
export const subscriptionTypes = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const

/** Type of a subscription stanza. */
export type SubscriptionType = (typeof subscriptionTypes)[number]

/** Whether a presence type manages subscriptions. */
export function isSubscription(type: string): type is SubscriptionType {
  return (subscriptionTypes as readonly string[]).includes(type)
}

/** The nine subscription states. Source: RFC 6121 appendix A.1. */
export const subscriptionStates = [
  'none',
  'none+out',
  'none+in',
  'none+out+in',
  'to',
  'to+in',
  'from',
  'from+out',
  'both',
] as const

/** Name of a subscription state. */
export type SubscriptionState = (typeof subscriptionStates)[number]

/** What a stanza does in a state: whether it goes on (is routed, or delivered), and the state after it. */
export interface Transition {
  readonly isPassed: boolean
  /** The state itself where nothing changes. */
  readonly next: SubscriptionState
}

type Table = Readonly<Record<SubscriptionType, Readonly<Record<SubscriptionState, Transition>>>>

const pass = (next: SubscriptionState): Transition => ({ isPassed: true, next })
const hold = (next: SubscriptionState): Transition => ({ isPassed: false, next })

/** What our account sends: passed means routed to the contact. Source: RFC 6121 appendix A.2. */
export const outbound: Table = {
  // A.2.1: always routed, so that two servers that disagree find together again
  subscribe: {
    none: pass('none+out'),
    'none+out': pass('none+out'),
    'none+in': pass('none+out+in'),
    'none+out+in': pass('none+out+in'),
    to: pass('to'),
    'to+in': pass('to+in'),
    from: pass('from+out'),
    'from+out': pass('from+out'),
    both: pass('both'),
  },
  // A.2.2
  unsubscribe: {
    none: pass('none'),
    'none+out': pass('none'),
    'none+in': pass('none+in'),
    'none+out+in': pass('none+in'),
    to: pass('none'),
    'to+in': pass('none+in'),
    from: pass('from'),
    'from+out': pass('from'),
    both: pass('from'),
  },
  // A.2.3: without a request it is a pre-approval (§3.4), which stays here
  subscribed: {
    none: hold('none'),
    'none+out': hold('none+out'),
    'none+in': pass('from'),
    'none+out+in': pass('from+out'),
    to: hold('to'),
    'to+in': pass('both'),
    from: hold('from'),
    'from+out': hold('from+out'),
    both: hold('both'),
  },
  // A.2.4
  unsubscribed: {
    none: hold('none'),
    'none+out': hold('none+out'),
    'none+in': pass('none'),
    'none+out+in': pass('none+out'),
    to: hold('to'),
    'to+in': pass('to'),
    from: pass('none'),
    'from+out': pass('none+out'),
    both: pass('to'),
  },
}

/** What a contact sends: passed means delivered to our account's resources. Source: RFC 6121 appendix A.3. */
export const inbound: Table = {
  // A.3.1: from, from+out and both are answered at once (§3.1.3)
  subscribe: {
    none: pass('none+in'),
    'none+out': pass('none+out+in'),
    'none+in': hold('none+in'),
    'none+out+in': hold('none+out+in'),
    to: pass('to+in'),
    'to+in': hold('to+in'),
    from: hold('from'),
    'from+out': hold('from+out'),
    both: hold('both'),
  },
  // A.3.2
  unsubscribe: {
    none: hold('none'),
    'none+out': hold('none+out'),
    'none+in': pass('none'),
    'none+out+in': pass('none+out'),
    to: hold('to'),
    'to+in': pass('to'),
    from: pass('none'),
    'from+out': pass('none+out'),
    both: pass('to'),
  },
  // A.3.3
  subscribed: {
    none: hold('none'),
    'none+out': pass('to'),
    'none+in': hold('none+in'),
    'none+out+in': pass('to+in'),
    to: hold('to'),
    'to+in': hold('to+in'),
    from: hold('from'),
    'from+out': pass('both'),
    both: hold('both'),
  },
  // A.3.4
  unsubscribed: {
    none: hold('none'),
    'none+out': pass('none'),
    'none+in': hold('none+in'),
    'none+out+in': pass('none+in'),
    to: pass('none'),
    'to+in': pass('none+in'),
    from: hold('from'),
    'from+out': pass('from'),
    both: pass('from'),
  },
}

/** The state an item is in. */
export function stateOf(item: RosterItem): SubscriptionState {
  const out = item.ask
  const waiting = item.request !== undefined
  switch (item.subscription) {
    case 'none':
      return out ? (waiting ? 'none+out+in' : 'none+out') : waiting ? 'none+in' : 'none'
    case 'to':
      return waiting ? 'to+in' : 'to'
    case 'from':
      return out ? 'from+out' : 'from'
    case 'both':
      return 'both'
    default:
      return item.subscription satisfies never
  }
}

/** The item in another state; `request` is kept only where the state has one pending in. */
export function inState(item: RosterItem, state: SubscriptionState, request: Uint8Array | undefined): RosterItem {
  const [subscription, ...pending] = state.split('+') as [RosterItem['subscription'], ...string[]]
  const { request: _, ...rest } = item
  return {
    ...rest,
    subscription,
    ask: pending.includes('out'),
    ...(pending.includes('in') && request !== undefined ? { request } : {}),
  }
}
