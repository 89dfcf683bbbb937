import { attribute, escapeXml } from './stream-text.ts'

const namespaces = "xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'"

/** Longest time a request is held, so that a dead server is noticed. Units: seconds. */
const waitSeconds = 60

/** Asks for a session. Source: XEP-0124 §7.1, XEP-0206 §3. */
export function sessionRequest(rid: number, domain: string): string {
  return (
    `<body content='text/xml; charset=utf-8' hold='1' rid='${rid}' to='${escapeXml(domain)}' ver='1.6' wait='${waitSeconds}' ` +
    `xml:lang='en' xmpp:version='1.0' ${namespaces}/>`
  )
}

/** What a request of a session carries. */
export interface BoshRequest {
  readonly rid: number
  readonly sid: string
  readonly domain: string
  readonly kind: 'stanzas' | 'restart' | 'terminate'
  /** Whole elements, each with its namespace. */
  readonly stanzas: string
}

/** A request of a session that is there. Source: XEP-0124 §8 and §13, XEP-0206 §5 for the restart. */
export function boshRequest({ rid, sid, domain, kind, stanzas }: BoshRequest): string {
  const base = `<body rid='${rid}' sid='${escapeXml(sid)}' `
  switch (kind) {
    case 'stanzas':
      return `${base}${namespaces}>${stanzas}</body>`
    case 'restart':
      return `${base}to='${escapeXml(domain)}' xml:lang='en' xmpp:restart='true' ${namespaces}/>`
    case 'terminate':
      return `${base}type='terminate' ${namespaces}>${stanzas}</body>`
    default:
      return kind satisfies never
  }
}

/** An answer. */
export interface BoshAnswer {
  /** What is inside, as it came. */
  readonly payload: Buffer
  readonly sid: string
  /** Why the session ended; undefined while it lasts (XEP-0124 §17.2). */
  readonly terminated: string | undefined
}

const end = Buffer.from('</body>')

/** Reads an answer. Errors: undefined when it is none. */
export function readBoshAnswer(bytes: Buffer): BoshAnswer | undefined {
  const start = bytes.indexOf('<body')
  const tagEnd = start < 0 ? -1 : bytes.indexOf('>', start)
  if (tagEnd < 0) return undefined
  const tag = bytes.toString('utf8', start, tagEnd + 1)
  const isEmpty = bytes[tagEnd - 1] === 0x2f
  const stop = bytes.lastIndexOf(end)
  if (!isEmpty && stop < tagEnd) return undefined
  const isOver = attribute(tag, 'type') === 'terminate'
  return {
    payload: isEmpty ? Buffer.alloc(0) : bytes.subarray(tagEnd + 1, stop),
    sid: attribute(tag, 'sid'),
    terminated: isOver ? attribute(tag, 'condition') || 'closed' : undefined,
  }
}
