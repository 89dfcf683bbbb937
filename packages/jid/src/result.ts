/**
 * The house's answer for what may fail in a foreseen way.
 * Shape: discriminated by `ok`.
 */
export type Result<V, E> = { readonly ok: true; readonly value: V } | { readonly ok: false; readonly error: E }

/**
 * Why a string is no JID.
 * Shape: `condition` is the stanza error to answer with, `text` says which part and rule, without quoting the input.
 * Source: RFC 6120 §8.3.3.8.
 */
export type JidError = { readonly condition: 'jid-malformed'; readonly text: string }

/** Wraps a value that was found good. */
export function good<V>(value: V): { readonly ok: true; readonly value: V } {
  return { ok: true, value }
}

/** Refuses a JID, or a part of one, for the reason given. */
export function malformed(text: string): { readonly ok: false; readonly error: JidError } {
  return { ok: false, error: { condition: 'jid-malformed', text } }
}
