import { createGate, type GateLimits, type NameTable, type StreamOpen } from '@starling/xml'

/** What a client's `<body/>` says. Source: XEP-0124 §6, §7; XEP-0206. */
export interface Body {
  readonly rid: number
  /** undefined asks for a new session. */
  readonly sid: string | undefined
  readonly to: string
  readonly lang: string | undefined
  /** Units: seconds; undefined when the client did not say. */
  readonly wait: number | undefined
  readonly hold: number | undefined
  readonly content: string | undefined
  readonly version: string | undefined
  /** Whether the client says which answers it has. */
  readonly acks: boolean
  /** Units: seconds. */
  readonly pause: number | undefined
  readonly isEnd: boolean
  readonly isRestart: boolean
  readonly key: string | undefined
  readonly newKey: string | undefined
  /** Canonical elements in their order. */
  readonly payloads: readonly Uint8Array[]
}

/** A body, or the condition that ends the session. Source: XEP-0124 §17.2. */
export type BodyResult =
  | { readonly ok: true; readonly value: Body }
  | { readonly ok: false; readonly error: 'bad-request' | 'policy-violation'; readonly text: string }

const xboshNamespace = 'urn:xmpp:xbosh'
const whole = /^\d{1,16}$/

/** Reads one request. Errors: values; nothing a client sends throws. */
export function readBody(
  bytes: Uint8Array,
  options: { readonly limits: GateLimits; readonly names: NameTable },
): BodyResult {
  const gate = createGate({ framing: 'bosh', ...options })
  const payloads: Uint8Array[] = []
  let open: StreamOpen | undefined
  let isClosed = false
  for (const event of gate.push(bytes)) {
    switch (event.kind) {
      case 'open':
        open = event
        break
      case 'element':
        payloads.push(event.element.raw)
        break
      case 'close':
        isClosed = true
        break
      case 'fault':
        return {
          ok: false,
          error: event.condition === 'policy-violation' ? 'policy-violation' : 'bad-request',
          text: event.text,
        }
      default:
        return event satisfies never
    }
  }
  if (open === undefined || !isClosed) return { ok: false, error: 'bad-request', text: 'not a whole <body/>' }
  return readAttributes(open, payloads)
}

function readAttributes(open: StreamOpen, payloads: readonly Uint8Array[]): BodyResult {
  const { attributes, prefixes } = open
  const number = (name: string): number | undefined => {
    const text = attributes[name]
    return text !== undefined && whole.test(text) ? Number(text) : undefined
  }
  const rid = number('rid')
  // XEP-0124 §14.1: none above 2^53 - 1
  if (rid === undefined || rid > Number.MAX_SAFE_INTEGER) return { ok: false, error: 'bad-request', text: 'no rid' }
  const restart = Object.keys(prefixes).some((prefix) => {
    const value = prefixes[prefix] === xboshNamespace ? attributes[`${prefix}:restart`] : undefined
    return value === 'true' || value === '1'
  })
  return {
    ok: true,
    value: {
      rid,
      sid: attributes['sid'],
      to: open.to ?? '',
      lang: open.lang,
      wait: number('wait'),
      hold: number('hold'),
      content: attributes['content'],
      version: attributes['ver'],
      acks: attributes['ack'] !== undefined,
      pause: number('pause'),
      isEnd: attributes['type'] === 'terminate',
      isRestart: restart,
      key: attributes['key'],
      newKey: attributes['newkey'],
      payloads,
    },
  }
}
