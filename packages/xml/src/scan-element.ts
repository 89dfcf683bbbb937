import type { Element } from '@xmpp/xml'
import { buildElement, checkEncoding } from './canonical.ts'
import { decodeUtf8 } from './decode.ts'
import { parseElement } from './element.ts'
import type { GateFault, ScannedElement } from './events.ts'
import { authenticatedLimits, type GateLimits } from './limits.ts'
import { type ScanContext, Scanner } from './scanner.ts'
import { clientNamespace } from './stream-names.ts'
import { scan } from './tokenizer.ts'

/** A value, or the fault that bytes were refused for. */
export type XmlResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: GateFault }

/**
 * Scans the bytes of one whole element that stands under the default namespace jabber:client.
 * Errors: whatever the bytes are, a value; the gate's limits hold but for the size, which the caller knows.
 */
export function scanElement(raw: Uint8Array, limits: GateLimits = authenticatedLimits): XmlResult<ScannedElement> {
  const context: ScanContext = {
    limits,
    names: { decode: decodeUtf8 },
    contentNamespace: clientNamespace,
    defaultNamespace: clientNamespace,
    bindings: undefined,
  }
  const s = new Scanner(context, raw)
  s.begin(raw, 0)
  if (raw[0] !== 0x3c) s.fail('bad-format', 'not an element')
  scan(s, raw.length)
  if (s.fault === undefined && s.isDone) checkEncoding(s)
  if (s.fault === undefined && (!s.isDone || s.isStreamEnd || s.position !== raw.length)) {
    s.fail('not-well-formed', 'not one whole element')
  }
  return s.fault === undefined ? { ok: true, value: buildElement(s) } : { ok: false, error: s.fault }
}

/** Scans and parses the bytes of one whole element from anywhere: a file, a database, another server. */
export function readElement(raw: Uint8Array, limits: GateLimits = authenticatedLimits): XmlResult<Element> {
  const scanned = scanElement(raw, limits)
  return scanned.ok ? { ok: true, value: parseElement(scanned.value.raw) } : scanned
}
