import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** One HTTP request and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const defaultType = 'text/xml; charset=utf-8' // XEP-0124 §7.1

/** Headers of every answer: a page of any origin may ask, since no cookie says who it is. */
const openToAll: OutgoingHttpHeaders = { 'access-control-allow-origin': '*' }

/** Answers a request with a body. Source: XEP-0124 §5, §8. */
export function respond(response: ServerResponse, bytes: Uint8Array, content: string = defaultType): undefined {
  if (response.destroyed || response.writableEnded) return
  response.writeHead(200, { ...openToAll, 'content-type': content, 'content-length': bytes.length }).end(bytes)
}

/** Whether a client may name this content type for the answers: it goes into a header as it is. */
export function isContentType(text: string | undefined): text is string {
  return text !== undefined && /^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/.test(text) && text.length <= 100
}

/** Answers what is not a POST; says whether it was. */
export function answerOther({ request, response }: Exchange): boolean {
  switch (request.method) {
    case 'POST':
      return false
    case 'OPTIONS':
      response
        .writeHead(204, {
          ...openToAll,
          'access-control-allow-methods': 'POST, OPTIONS',
          'access-control-allow-headers': 'content-type',
          'access-control-max-age': '86400',
        })
        .end()
      return true
    case 'GET':
    case 'HEAD':
      response.writeHead(200, { ...openToAll, 'content-type': 'text/plain; charset=utf-8' })
      response.end('This is BOSH, XMPP over HTTP (XEP-0124, XEP-0206): clients send their requests by POST.\n')
      return true
    default:
      response.writeHead(405, { allow: 'GET, POST, OPTIONS' }).end()
      return true
  }
}

/** Reads a request's body. Errors: `tooBig` above the limit, `gone` when the client went. */
export function readAll(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'tooBig' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) {
        resolve('tooBig')
        chunks.length = 0
        return
      }
      chunks.push(chunk)
    })
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('close', () => resolve('gone'))
    request.once('error', () => resolve('gone'))
  })
}
