import { Buffer } from 'node:buffer'
import type { GateEvent } from './events.ts'
import { createGate, type Gate } from './gate.ts'
import { authenticatedLimits, type GateLimits } from './limits.ts'
import { createNameTable } from './name-table.ts'

/** A client's stream header, with an XML declaration of 21 bytes before it. */
export const header =
  "<?xml version='1.0'?><stream:stream to='im.example' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
/** A header that declares a prefix of its own. */
export const prefixedHeader =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:f='urn:f'>"

/** A gate that awaits its header. */
export function tcp(limits: Partial<GateLimits> = {}): Gate {
  return createGate({ framing: 'tcp', limits: { ...authenticatedLimits, ...limits }, names: createNameTable() })
}

/** The same over WebSocket. */
export function webSocket(): Gate {
  return createGate({ framing: 'websocket', limits: authenticatedLimits })
}

/** An event in a word. */
export function show(event: GateEvent): string {
  switch (event.kind) {
    case 'open':
      return `open to ${event.to}`
    case 'element':
      return event.element.raw.toString()
    case 'close':
      return 'close'
    case 'fault':
      return event.condition
    default:
      return event satisfies never
  }
}

/** Feeds a gate in chunks of a size, each its own memory; gives the events in words. */
export function feed(gate: Gate, text: string | Uint8Array, size = Number.POSITIVE_INFINITY): string[] {
  const bytes = Buffer.from(text)
  const shown: string[] = []
  for (let at = 0; at < bytes.length; at += size) {
    shown.push(...gate.push(Buffer.from(bytes.subarray(at, at + size))).map(show))
  }
  return shown
}

/** A gate after its header. */
export function opened(limits: Partial<GateLimits> = {}): Gate {
  const gate = tcp(limits)
  feed(gate, header)
  return gate
}
