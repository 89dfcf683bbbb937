import type { FullJid } from '@starling/jid'
import { ns } from '@starling/stanza'
import { createNameTable } from '@starling/xml'
import { claimSession } from './claim.ts'
import { Connection } from './connection.ts'
import { receiveEnvelopes } from './envelopes.ts'
import type { Link } from './link.ts'
import { startPod } from './start.ts'
import { domain, fakeIo } from './test-support/fake-io.ts'

const stanzas = 200_000
const perChunk = 4

/** CPU of a stanza through a bound connection, without its socket: in (gate, checks, stamp) and out (look-up, queue). */
export async function bench(): Promise<
  readonly { readonly name: string; readonly value: number; readonly unit: string }[]
> {
  const fake = await fakeIo()
  const running = await startPod(fake.io)
  const { pod } = running
  fake.publishWith = () => Promise.resolve()
  const connection = new Connection(pod, { transport: 'tcp', remoteAddress: 'x', addressKey: 'x' }, createNameTable())
  connection.attach(silent)
  const account = `romeo@${domain}` as never
  claimSession(connection, account, {
    kind: 'bind',
    head: { resource: 'balcony', iqId: 'b', generation: 1, lang: '' },
  })
  connection.receive(Buffer.from(header))
  connection.state = { ...connection.state, phase: { kind: 'binding', signedIn: { account, generation: 1 } } }
  connection.dispatch({ kind: 'bound', jid: `romeo@${domain}/balcony` as FullJid, raw: Buffer.from('<iq/>') })
  const body = 'the quick brown fox jumps over the lazy dog; '.repeat(7)
  const one = `<message to='juliet@${domain}' type='chat' id='a1b2c3d4'><body>${body}</body><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='a1b2c3d4'/></message>`
  const chunk = Buffer.from(one.repeat(perChunk))
  const inUs = await cpuPerStanza(() => {
    connection.receive(chunk)
    if (fake.published.length > 1_000) fake.published.length = 0
    return perChunk
  })
  const recipients = [{ connection: connection.id, to: '' }]
  const atMs = fake.io.clock() - 8
  const output = { kind: 'output', key: '', atMs, slot: 3, epoch: 17, recipients, raw: Buffer.from(one) } as const
  const outUs = await cpuPerStanza(() => {
    receiveEnvelopes(pod, [output, output, output, output])
    return 4
  })
  connection.enable({ maxSeconds: 300 })
  connection.state = { ...connection.state, phase: { ...connection.state.phase, sm: 'on' } as never }
  connection.enabled('sm-1', 300)
  const request = Buffer.from(`<r xmlns='${ns.sm}'/>`)
  const smInUs = await cpuPerStanza(() => {
    connection.receive(chunk)
    if (fake.published.length > 1_000) {
      fake.published.length = 0
      connection.receive(request)
    }
    return perChunk
  })
  let ordinal = 0
  const smOutUs = await cpuPerStanza(() => {
    const numbered = Array.from({ length: 4 }, () => {
      ordinal++
      return { ...output, recipients: [{ connection: connection.id, to: '', ordinal }] }
    })
    receiveEnvelopes(pod, numbered)
    if (ordinal % 24 === 0) connection.receive(Buffer.from(`<a xmlns='${ns.sm}' h='${ordinal}'/>`))
    return 4
  })
  connection.gone()
  await running.drain(100)
  fake.close()
  return [
    { name: `a stanza in (${one.length} B)`, value: inUs, unit: 'µs CPU' },
    { name: `a stanza out (${one.length} B)`, value: outUs, unit: 'µs CPU' },
    { name: 'a stanza in, with stream management', value: smInUs, unit: 'µs CPU' },
    { name: 'a stanza out, with stream management', value: smOutUs, unit: 'µs CPU' },
  ]
}

const header = `<stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`

const silent: Link = {
  send: () => true,
  flush: () => {},
  pause: () => {},
  resume: () => {},
  end: () => {},
  destroy: () => {},
  startTls: () => {},
  isSecure: true,
  channelBindings: () => [],
  channelBinding: () => undefined,
  queuedBytes: 0,
}

/** Warms up, then measures; the loop lets promises settle. */
async function cpuPerStanza(run: () => number): Promise<number> {
  let used = 0
  for (const round of ['warm', 'measured']) {
    const before = process.cpuUsage()
    let done = 0
    for (let turn = 0; done < stanzas; turn++) {
      done += run()
      if (turn % 8 === 0) await Promise.resolve()
    }
    const { user, system } = process.cpuUsage(before)
    if (round === 'measured') used = (user + system) / done
  }
  return Math.round(used * 100) / 100
}
