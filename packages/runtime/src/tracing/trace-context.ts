import type { SpanContext } from '@opentelemetry/api'

const traceBytes = 16
const spanBytes = 8
// W3C Trace Context §3.2.2.5: only what is sampled is carried at all
const sampled = 1

/** Reads what an envelope carries. Errors: undefined for what is no trace (another version wrote it); then it is not followed. */
export function readTrace(trace: Uint8Array): SpanContext | undefined {
  if (trace.length !== traceBytes + spanBytes) return undefined
  const hex = Buffer.from(trace.buffer, trace.byteOffset, trace.length).toString('hex')
  const traceId = hex.slice(0, 2 * traceBytes)
  const spanId = hex.slice(2 * traceBytes)
  return { traceId, spanId, traceFlags: sampled, isRemote: true }
}

/** What an envelope carries, so that whoever reads it names this span as the parent. */
export function writeTrace({ traceId, spanId }: Pick<SpanContext, 'traceId' | 'spanId'>): Uint8Array {
  return Buffer.from(traceId + spanId, 'hex')
}
