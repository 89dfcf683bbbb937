import type { Attributes, Span, Tracer } from '@opentelemetry/api'
import type { Input } from '@starling/core'
import { type Envelope, inboxes } from '@starling/wire'
import { readTrace, writeTrace } from './trace-context.ts'
import type { Hop, ProcessTracing } from './tracing.ts'

type Api = typeof import('@opentelemetry/api')

/** What making spans needs. */
export interface SpanPorts {
  readonly api: Api
  readonly tracer: Tracer
  /** Share of the stanzas that are traced, read anew for each. */
  readonly sampleRatio: () => number
  readonly clock: () => number
  readonly monotonic: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  readonly close: () => Promise<void>
}

/** Clocks may be set while a process runs; both are compared again when they differ by more. Units: ms. */
const maxSkewMs = 20

/**
 * Spans of stanzas. One that is sampled begins with `connection-manager.receive`; each stage has a span of its name (parts: `.wait` in the
 * log, `.work`, `.publish`, `.save`) under that of the stage before it; `connection-manager.write` ends it at each socket.
 */
export function createSpans({ api, tracer, ...ports }: SpanPorts): ProcessTracing {
  const { clock, monotonic } = ports
  let offsetMs = clock() - monotonic()
  /** From the monotonic clock, so that parts add up, to the time of day. */
  const dayMs = (monotonicMs: number): number => {
    const now = clock() - monotonic()
    if (Math.abs(now - offsetMs) > maxSkewMs) offsetMs = now
    return monotonicMs + offsetMs
  }
  const begin = (
    name: string,
    at: { readonly ms: number; readonly parent?: Uint8Array | undefined; readonly attributes?: Attributes },
  ): Span => {
    const parent = at.parent === undefined ? undefined : readTrace(at.parent)
    const context = parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent)
    return tracer.startSpan(name, { startTime: hrTime(at.ms), attributes: at.attributes ?? {} }, context)
  }
  const note = (name: string, parent: Uint8Array, { fromMs, toMs }: { fromMs: number; toMs: number }): void => {
    begin(name, { ms: Math.min(fromMs, toMs), parent }).end(hrTime(toMs))
  }

  const open = (hop: Hop, input: Input, ms: number): { readonly span: Span; readonly input: Input } => {
    const { place, envelope } = input
    const span = begin(hop.stage, { ms, parent: envelope.trace, attributes: attributesOf(input) })
    const { traceFlags: _, ...own } = span.spanContext()
    return { span, input: { place, envelope: { ...envelope, trace: writeTrace(own) } } }
  }

  return {
    received: (envelope, readMs) => {
      if (ports.random() >= ports.sampleRatio()) return envelope
      const span = begin('connection-manager.receive', { ms: dayMs(readMs), attributes: kindsOf(envelope) })
      span.end(hrTime(dayMs(monotonic())))
      return { ...envelope, trace: writeTrace(span.spanContext()) }
    },
    writing: ({ trace }) => {
      if (trace === undefined) return undefined
      const span = begin('connection-manager.write', { ms: dayMs(monotonic()), parent: trace })
      return () => span.end(hrTime(dayMs(monotonic())))
    },
    appending: async (envelope, durable) => {
      const { trace } = envelope
      if (trace === undefined) return durable
      const fromMs = dayMs(monotonic())
      const held = await durable
      note('connection-manager.append', trace, { fromMs, toMs: dayMs(monotonic()) })
      return held
    },
    waited: ({ stage }, { trace }, writtenMs) => {
      if (trace !== undefined) note(`${stage}.wait`, trace, { fromMs: writtenMs, toMs: dayMs(monotonic()) })
    },
    batch: (hop, batch, inputs, startedMs) => {
      if (!inputs.some(({ envelope }) => envelope.trace !== undefined)) return undefined
      let lastMs = dayMs(startedMs)
      const writtenMs = new Map(batch.records.map(({ offset, timestampMs }) => [offset, timestampMs]))
      const spans: Span[] = []
      const traced = inputs.map((input) => {
        if (input.envelope.trace === undefined) return input
        const opened = open(hop, input, lastMs)
        spans.push(opened.span)
        const fromMs = writtenMs.get(input.place.offset) ?? lastMs
        note(`${hop.stage}.wait`, input.envelope.trace, { fromMs, toMs: lastMs })
        return opened.input
      })
      return {
        inputs: traced,
        phase: (name) => {
          const toMs = dayMs(monotonic())
          for (const span of spans) {
            note(`${hop.stage}.${name}`, writeTrace(span.spanContext()), { fromMs: lastMs, toMs })
          }
          lastMs = toMs
        },
        end: (error) => {
          for (const span of spans) {
            if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR })
            span.end(hrTime(dayMs(monotonic())))
          }
        },
      }
    },
    close: ports.close,
  }
}

/** Seconds and nanoseconds: a plain number below the process's start would be taken for another clock. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.floor((ms - seconds * 1000) * 1_000_000)]
}

/** What a stanza is; never whose, and never what it says. */
function kindsOf(envelope: Envelope): Attributes {
  const stanza = 'stanza' in envelope ? envelope.stanza : undefined
  return {
    'starling.envelope': envelope.kind,
    ...(stanza === undefined ? {} : { 'starling.stanza': stanza.kind, 'starling.stanza.bytes': stanza.raw.length }),
  }
}

function attributesOf({ place, envelope }: Input): Attributes {
  return {
    ...kindsOf(envelope),
    'messaging.destination.name': inboxes[place.inbox].topic,
    'messaging.destination.partition.id': String(place.partition),
    'messaging.kafka.offset': place.offset,
  }
}
