import { createRecord } from './decode.ts'
import type { GateFault, StreamOpen } from './events.ts'
import type { Binding, Scanner } from './scanner.ts'
import { bodyNamespace, framingNamespace, streamNamespace } from './stream-names.ts'

/** A header read, or why the stream cannot begin with it. */
export type HeaderResult =
  | { readonly ok: true; readonly value: StreamOpen }
  | { readonly ok: false; readonly error: GateFault }

function fault(condition: GateFault['condition'], text: string): HeaderResult {
  return { ok: false, error: { condition, text } }
}

/** Reads a finished `<stream:stream>`. Source: RFC 6120 §4.7, §4.8. */
export function readStreamHeader(s: Scanner): HeaderResult {
  // RFC 6120 §4.9.3.10: another stream namespace, or a content namespace that is not served
  if (s.rootNamespace !== streamNamespace) return fault('invalid-namespace', 'not a stream header')
  if (s.rootName !== 'stream') return fault('bad-format', 'not a stream header')
  // RFC 6120 §4.9.3.2: no prefix where one is needed
  if (s.tagColon < 0) return fault('bad-namespace-prefix', 'a stream header needs a prefix')
  if (s.rootDefaultNamespace !== '' && s.rootDefaultNamespace !== s.context.contentNamespace) {
    return fault('invalid-namespace', 'the content namespace is not served here')
  }
  return { ok: true, value: streamOpen(s) }
}

/** Reads a finished `<open/>`. Source: RFC 7395 §3.4. */
export function readOpen(s: Scanner): HeaderResult {
  if (s.rootNamespace !== framingNamespace) return fault('invalid-namespace', 'not <open/>')
  if (s.rootName !== 'open') return fault('bad-format', 'not <open/>')
  return { ok: true, value: streamOpen(s) }
}

/** Reads the start of a `<body>`. Source: XEP-0124 §6. */
export function readBody(s: Scanner): HeaderResult {
  if (s.rootNamespace !== bodyNamespace || s.rootName !== 'body') return fault('bad-format', 'not <body/>')
  return { ok: true, value: streamOpen(s) }
}

function streamOpen(s: Scanner): StreamOpen {
  const attributes = s.rootAttributes
  return {
    kind: 'open',
    to: attributes['to'],
    from: attributes['from'],
    version: attributes['version'],
    lang: attributes['xml:lang'],
    id: attributes['id'],
    namespace: s.rootNamespace,
    defaultNamespace: s.isHeader ? s.rootDefaultNamespace : '',
    prefixes: prefixesOf(s.rootBindings),
    attributes,
  }
}

function prefixesOf(bindings: Binding | undefined): Readonly<Record<string, string>> {
  const prefixes = createRecord()
  for (let binding = bindings; binding !== undefined; binding = binding.next) prefixes[binding.prefix] = binding.uri
  return prefixes
}
