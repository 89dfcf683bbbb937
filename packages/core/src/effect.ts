import type { Jid } from '@starling/jid'
import type { Stanza, StanzaError, StreamError } from '@starling/stanza'
import type { Json } from '@starling/wire'
import type { QueryCall } from './storage.ts'

/** What a handler wants done; the stage alone does it, in this order, when the record that caused it is handled. */
export type Effect =
  /** A stanza to any address, from an account of ours or the server: the stage routes it by its `to`. */
  | { readonly do: 'send'; readonly stanza: Stanza }
  /** A stanza to one connected resource of this account, available or not (pushes, answers). */
  | { readonly do: 'deliver'; readonly resource: string; readonly stanza: Stanza }
  /** A named write in storage. */
  | { readonly do: 'write'; readonly call: QueryCall }
  /** This module's slice of the session from now on; reaches routing before what follows. */
  | { readonly do: 'remember'; readonly slice: Json }
  /** This module's slice of the account from now on; kept in storage, reaches routing before what follows. */
  | { readonly do: 'rememberAccount'; readonly slice: Json }
  /** Ends a session of this account. */
  | { readonly do: 'kick'; readonly resource: string; readonly error: StreamError }
  /**
   * Sends the account's current presence, or its absence, to whom `to` covers among those who may see it, as if it were
   * new (blocking, XEP-0191 §3.3): a full JID itself, a bare JID, or with a domain every contact of that domain.
   */
  | { readonly do: 'showPresence'; readonly to: Jid; readonly as: 'current' | 'unavailable' }

/** A handler's answer at a point. */
export type Outcome =
  | { readonly verdict: 'pass'; readonly effects: readonly Effect[] }
  /** Nothing further handles the stanza. `error` is answered to its sender. */
  | { readonly verdict: 'stop'; readonly effects: readonly Effect[]; readonly error?: StanzaError }
  | { readonly verdict: 'change'; readonly stanza: Stanza; readonly effects: readonly Effect[] }

/** Goes on. */
export function pass(...effects: readonly Effect[]): Outcome {
  return { verdict: 'pass', effects }
}

/** Stops quietly. */
export function stop(...effects: readonly Effect[]): Outcome {
  return { verdict: 'stop', effects }
}

/** Stops and answers the sender with an error. */
export function refuse(error: StanzaError, ...effects: readonly Effect[]): Outcome {
  return { verdict: 'stop', effects, error }
}

/** Goes on with another stanza. */
export function change(stanza: Stanza, ...effects: readonly Effect[]): Outcome {
  return { verdict: 'change', stanza, effects }
}
