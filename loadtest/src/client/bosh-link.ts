import { randomInt } from 'node:crypto'
import { Agent, request } from 'node:http'
import { type BoshRequest, boshRequest, readBoshAnswer, sessionRequest } from './bosh-text.ts'
import type { Link, LinkEvents, LinkOptions } from './link.ts'

/** Where servers have it; Prosody, ejabberd and others agree. */
export const boshPath = '/http-bind'

/** Requests under way: one that the server holds, one that brings something. Source: XEP-0124 §11 (`hold` and one more). */
const maxRequests = 2

/** The first number of a session leaves room for many more below 2^53. Source: XEP-0124 §14.1. */
const maxFirstRid = 2 ** 40

/** A connection made of HTTP requests. Source: XEP-0124, XEP-0206. Order: answers are taken in the order of their requests (XEP-0124 §14.2). */
export function openBosh(options: LinkOptions, events: LinkEvents): Link {
  const { endpoint, domain, localAddress } = options
  const agent = new Agent({ keepAlive: true, maxSockets: maxRequests })
  const answers = new Map<number, Buffer>()
  let rid = randomInt(1, maxFirstRid)
  let nextAnswer = rid
  let sid = ''
  let underWay = 0
  let waiting: Pick<BoshRequest, 'kind' | 'stanzas'>[] = []
  let isOpen = true
  let isFlushing = false
  const stop = (): void => {
    isOpen = false
    agent.destroy()
  }
  const close = (reason: string): void => {
    if (!isOpen) return
    stop()
    events.onClose(reason)
  }
  const post = (number: number, text: string): void => {
    underWay++
    const headers = { 'content-type': 'text/xml; charset=utf-8', 'content-length': Buffer.byteLength(text) }
    const where = { ...endpoint, ...(localAddress === undefined ? {} : { localAddress }) }
    const sent = request({ ...where, agent, headers, method: 'POST', path: boshPath }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        underWay--
        if (response.statusCode !== 200) return void close(noBosh(response.statusCode ?? 0))
        answers.set(number, Buffer.concat(chunks))
        inOrder()
      })
    })
    sent.on('error', (error) => close('code' in error ? String(error.code) : error.message))
    sent.setNoDelay(true)
    sent.end(text)
  }
  const inOrder = (): void => {
    for (let bytes = answers.get(nextAnswer); bytes !== undefined && isOpen; bytes = answers.get(nextAnswer)) {
      answers.delete(nextAnswer++)
      const answer = readBoshAnswer(bytes)
      if (answer === undefined) return void close('the answer of BOSH is none')
      if (sid === '') sid = answer.sid
      if (answer.payload.length > 0) events.onData(answer.payload)
      if (answer.terminated !== undefined) return void close(`BOSH ended: ${answer.terminated}`)
    }
    flush()
  }
  /** What was written in one turn goes in one request; where there is nothing to say, one request waits for the server. */
  const flush = (): void => {
    while (isOpen && sid !== '' && underWay < maxRequests && (waiting.length > 0 || underWay === 0)) {
      const first = waiting[0]
      const kind = first?.kind ?? 'stanzas'
      const some = kind === 'stanzas' ? waiting.findIndex((one) => one.kind !== 'stanzas') : 1
      const taken = waiting.splice(0, some < 0 ? waiting.length : some)
      const stanzas = taken.map((one) => one.stanzas).join('')
      post(rid, boshRequest({ rid, sid, domain, kind, stanzas }))
      rid++
    }
  }
  const add = (kind: BoshRequest['kind'], stanzas: string): void => {
    waiting.push({ kind, stanzas })
    if (isFlushing) return
    isFlushing = true
    setImmediate(() => {
      isFlushing = false
      flush()
    })
  }
  setImmediate(events.onOpen)
  return {
    openStream: () => {
      if (sid !== '') return add('restart', '')
      post(rid, sessionRequest(rid, domain))
      rid++
    },
    write: (text) => add('stanzas', text),
    startTls: () => close('no STARTTLS over BOSH'),
    cut: stop,
    end: () => {
      if (!isOpen) return
      const stanzas = waiting.map((one) => one.stanzas).join('')
      waiting = []
      if (sid !== '') post(rid, boshRequest({ rid, sid, domain, kind: 'terminate', stanzas }))
      isOpen = false
      // The requests that are under way end by themselves; nothing is told any more.
      setTimeout(() => agent.destroy(), endsWithinMs).unref()
    },
  }
}

/** Time the last request has. Units: ms. */
const endsWithinMs = 2_000

/** The sentence for a server that has none. */
export function noBosh(status: number): string {
  return `no BOSH there: ${boshPath} answers with HTTP ${status}`
}

/** Whether a server has BOSH there. Errors: resolves to a sentence with its cure. */
export function checkBosh({ host, port }: LinkOptions['endpoint'], domain: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const text = sessionRequest(randomInt(1, maxFirstRid), domain)
    const headers = { 'content-type': 'text/xml; charset=utf-8', 'content-length': Buffer.byteLength(text) }
    const sent = request({ host, port, headers, method: 'POST', path: boshPath, timeout: 5_000 }, (response) => {
      response.resume()
      const { statusCode = 0 } = response
      const cure = 'choose another transport, or a target that has it'
      response.on('close', () =>
        resolve(statusCode === 200 ? undefined : `${host}:${port}: ${noBosh(statusCode)}; ${cure}`),
      )
    })
    sent.on('timeout', () => sent.destroy(new Error('nothing answers')))
    sent.on('error', (error) => resolve(`${host}:${port} has no BOSH: ${error.message}`))
    sent.end(text)
  })
}
