import type { Stanza } from '@starling/stanza'
import { appendChildren, escapeXml, removeChildren, type SplicedChild } from '@starling/xml'

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

/** The stanza with one more direct child, at its end: without content, as text, since it is made for every message. */
export function withEmptyChild(
  stanza: Stanza,
  { name, namespace, attributes }: Pick<SplicedChild, 'name' | 'namespace' | 'attributes'>,
): Stanza {
  let text = `<${name} xmlns='${escapeXml(namespace)}'`
  for (const key in attributes) text += ` ${key}='${escapeXml(attributes[key] ?? '')}'`
  return {
    ...stanza,
    payloads: [...stanza.payloads, `{${namespace}}${name}`],
    raw: appendChildren(stanza.raw, Buffer.from(`${text}/>`)),
  }
}
