import type { Logger, Metrics, Settings } from '@starling/core'
import { createTeller } from '../teller.ts'
import { SpanQueue } from './span-queue.ts'
import { createSpans } from './spans.ts'
import type { ProcessTracing } from './tracing.ts'

/** What tracing needs of its process. */
export interface TracingPorts {
  readonly pod: string
  /** Names of the stages that run here. */
  readonly stages: readonly string[]
  readonly version: string
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: () => number
  readonly monotonic: () => number
}

/** Units: ms that the receiver may take for a request, its repetitions included. */
const exportTimeoutMs = 5_000

/** Tracing as the settings want it; undefined where it is off, and then the libraries are not even loaded. */
export async function openTracing(settings: Settings, ports: TracingPorts): Promise<ProcessTracing | undefined> {
  const { metrics, logger, clock, monotonic, pod, stages, version } = ports
  const spans = metrics.counter('starling_trace_spans_total', 'Spans of traces, by what became of them', ['fate'])
  const { tracing } = settings
  if (tracing.otlpUrl === '') return undefined
  const [api, { TracerProvider, AlwaysOnSampler }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
  const tell = createTeller(logger, monotonic)
  const exporter = new OTLPTraceExporter({
    url: tracing.otlpUrl,
    headers: headersOf(tracing.otlpHeaders),
    timeoutMillis: exportTimeoutMs,
  })
  const queue = new SpanQueue({
    exporter,
    maxSpans: tracing.maxQueuedSpans,
    onFate: (fate, count, error) => {
      spans.add(count, { fate })
      if (fate === 'refused') tell('tracing.refused', { spans: count, error })
    },
  })
  const only = stages.length === 1 ? stages[0] : undefined
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(), // chosen before a span is made, once a stanza
    resource: resourceFromAttributes({
      'service.name': only === undefined ? 'starling' : `starling-${only}`,
      'service.version': version,
      'service.instance.id': pod,
    }),
    spanProcessors: [queue],
  })
  return createSpans({
    api,
    tracer: provider.getTracer('starling', version),
    sampleRatio: () => settings.tracing.sampleRatio,
    clock,
    monotonic,
    random: Math.random,
    close: () => provider.shutdown(),
  })
}

function headersOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').flatMap((one): [string, string][] => {
    const at = one.indexOf('=')
    return at < 0 ? [] : [[one.slice(0, at).trim(), one.slice(at + 1).trim()]]
  })
  return Object.fromEntries(pairs)
}
