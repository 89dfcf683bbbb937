import { ns } from '@starling/stanza'
import { type Element, parseElement, type ScannedElement } from '@starling/xml'
import { type BindRequest, readBindRequest } from './stream-bind2.ts'

/** What a client said beside its SASL message. Source: XEP-0388 §2.3; XEP-0386 §3.2; XEP-0198 §9; XEP-0484 §3. */
export interface Sasl2Request {
  /** Id of the client's installation; '' when it did not say one that can be used. */
  readonly client: string
  /** The former session it would go on with: the attributes of its `<resume/>`. */
  readonly resume?: ElementAttributes
  readonly bind?: BindRequest
  /** Mechanism that it wants a token for. */
  readonly tokenMechanism?: string
  /** It signs in with a token. */
  readonly fast?: FastUse
}

/** How a token is used. Source: XEP-0484 §3.4, §3.6. */
export interface FastUse {
  /** Above that of every use before, where it is given. */
  readonly count?: number
  readonly isInvalidating: boolean
}

/** Attributes of an element inside of a request. */
export interface ElementAttributes {
  readonly attributes: Readonly<Record<string, string>>
}

/** An `<authenticate/>`, read. */
export interface Authenticate {
  readonly mechanism: string
  /** Text of its `<initial-response/>`; undefined without one. */
  readonly initial: string | undefined
  readonly request: Sasl2Request
}

/** Longest id of a client that is taken; a UUID has 36. Units: UTF-16 code units. */
const maxClientLength = 128
const maxMechanismLength = 64

/** Reads an `<authenticate/>`. Errors: undefined when a count is none (XEP-0484 §3.4: a positive integer). */
export function readAuthenticate(element: ScannedElement): Authenticate | undefined {
  const root = parseElement(element.raw)
  const bind = root.getChild('bind', ns.bind2)
  const resume = root.getChild('resume', ns.sm)
  const wanted = root.getChild('request-token', ns.fast)
  const fast = readFast(root)
  if (fast === 'malformed') return undefined
  return {
    mechanism: element.attributes['mechanism'] ?? '',
    initial: root.getChild('initial-response', ns.sasl2)?.getText().trim(),
    request: {
      client: clientOf(root),
      ...(resume === undefined ? {} : { resume: { attributes: attributesOf(resume) } }),
      ...(bind === undefined ? {} : { bind: readBindRequest(bind) }),
      ...(wanted === undefined ? {} : { tokenMechanism: cut(attributesOf(wanted)['mechanism']) }),
      ...(fast === undefined ? {} : { fast }),
    },
  }
}

/** The attributes of an element that came through the gate: texts, whatever the library says. */
export function attributesOf(element: Element): Readonly<Record<string, string>> {
  return element.attrs as Readonly<Record<string, string>>
}

/** XEP-0388 §2.3 wants a UUID; any id as short serves as well. */
function clientOf(root: Element): string {
  const agent = root.getChild('user-agent', ns.sasl2)
  const id = agent === undefined ? '' : (attributesOf(agent)['id'] ?? '').trim()
  return id.length > maxClientLength ? '' : id
}

function readFast(root: Element): FastUse | 'malformed' | undefined {
  const fast = root.getChild('fast', ns.fast)
  if (fast === undefined) return undefined
  const { count, invalidate } = attributesOf(fast)
  const isInvalidating = invalidate === 'true' || invalidate === '1'
  if (count === undefined) return { isInvalidating }
  return /^[1-9]\d{0,14}$/.test(count) ? { isInvalidating, count: Number(count) } : 'malformed'
}

function cut(text = ''): string {
  return text.slice(0, maxMechanismLength)
}
