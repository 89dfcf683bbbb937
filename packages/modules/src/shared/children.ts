import type { Stanza } from '@starling/stanza'
import { appendChildren, type Element, removeChildren, type SplicedChild, serializeElement } from '@starling/xml'

/** The stanza without the direct children the predicate names: header and bytes; the same value when there are none. */
export function withoutChildren(stanza: Stanza, predicate: (child: SplicedChild) => boolean): Stanza {
  const payloads: string[] = []
  const raw = removeChildren(stanza.raw, (child) => {
    const isRemoved = predicate(child)
    if (!isRemoved) payloads.push(`{${child.namespace}}${child.name}`)
    return isRemoved
  })
  return raw === stanza.raw ? stanza : { ...stanza, payloads, raw }
}

/** The stanza with one more direct child, at its end. */
export function withChild(stanza: Stanza, child: Element): Stanza {
  return {
    ...stanza,
    payloads: [...stanza.payloads, `{${child.getNS() ?? ''}}${child.getName()}`],
    raw: appendChildren(stanza.raw, serializeElement(child)),
  }
}
