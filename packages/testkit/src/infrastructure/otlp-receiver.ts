import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as it came, with the service that sent it. */
export interface ReceivedSpan {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  /** Units: ns since 1970. */
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: unknown }[]
}

/** A receiver of traces by OTLP over HTTP, JSON encoded, that keeps what it gets. */
export interface OtlpReceiver {
  readonly url: string
  readonly spans: () => readonly ReceivedSpan[]
  /** All that came, as text. */
  readonly text: () => string
  /** Headers of the last request. */
  readonly headers: () => Readonly<Record<string, unknown>>
  readonly close: () => Promise<void>
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { stringValue?: string } }[]
    }
    readonly scopeSpans: readonly { readonly spans: readonly Omit<ReceivedSpan, 'service'>[] }[]
  }[]
}

/** Starts a receiver on any free port of this machine. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: string[] = []
  let headers: Readonly<Record<string, unknown>> = {}
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      headers = request.headers
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(chunks).toString('utf8'))
      response.writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans: () => bodies.flatMap((body) => spansOf(JSON.parse(body) as Export)),
    text: () => bodies.join('\n'),
    headers: () => headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function spansOf({ resourceSpans }: Export): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const name = resource.attributes.find(({ key }) => key === 'service.name')
    const service = name?.value.stringValue ?? ''
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, ...span })))
  })
}
