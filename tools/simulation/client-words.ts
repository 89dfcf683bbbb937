import { domain } from './io.ts'

/** Where a client stands. */
export type Phase = 'off' | 'opening' | 'binding' | 'enabling' | 'resuming' | 'up'

/** How long a client waits for an `<a/>`. */
export const answerTimeoutMs = 6_000
/** How long it waits for its session, at most. */
export const signInTimeoutMs = 20_000
/** What `h` is counted modulo. */
export const two32: number = 2 ** 32

/** How a client opens its stream. */
export const header = `<?xml version='1.0'?><stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`

/** Stanzas that are no messages, one of which a client sends now and then. */
export function otherStanzas(id: string): readonly string[] {
  return [
    `<iq type='get' id='${id}'><query xmlns='jabber:iq:roster'/></iq>`,
    `<iq type='get' id='${id}' to='${domain}'><ping xmlns='urn:xmpp:ping'/></iq>`,
    `<iq type='set' id='${id}'><query xmlns='urn:xmpp:mam:2'/></iq>`,
    `<iq type='get' id='${id}'><unknown xmlns='urn:nobody:knows'/></iq>`,
    '<presence><show>away</show></presence>',
    '<presence><priority>1</priority></presence>',
    '<presence><priority>-1</priority></presence>',
    `<presence type='unavailable'/>`,
  ]
}

/** The `h` of an element. */
export function numberOf(piece: string): number {
  return Number(/\bh=['"](\d+)/.exec(piece)?.[1] ?? Number.NaN)
}
