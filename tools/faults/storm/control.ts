import { connect, type Device, type Reach } from '@starling/testkit'
import { xml } from '@xmpp/client'

/** How long messages took. Units: ms. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p99: number
}

/** A few clients that stay where they are and send each other a message all the time. */
export interface Control {
  /** What was measured since the last time. */
  readonly take: () => Latency
  readonly close: () => Promise<void>
}

/** Units: messages a second of the whole group. */
const perSecond = 20

/** Brings them online. The accounts exist. */
export async function makeControl(
  reach: Reach,
  account: { readonly names: readonly string[]; readonly password: string },
): Promise<Control> {
  const devices: Device[] = []
  let latencies: number[] = []
  for (const username of account.names) {
    const device = await connect(reach, { username, password: account.password })
    await device.available()
    device.xmpp.on('stanza', (stanza: Parameters<Device['send']>[0]) => {
      const sentAt = Number(stanza.getChildText('body') ?? 'none')
      if (stanza.is('message') && Number.isFinite(sentAt)) latencies.push(performance.now() - sentAt)
    })
    devices.push(device)
  }
  let turn = 0
  const talk = setInterval(() => {
    const sender = devices[turn++ % devices.length]
    const receiver = devices[turn % devices.length]
    if (sender === undefined || receiver === undefined) return
    const body = xml('body', {}, String(performance.now()))
    sender.send(xml('message', { type: 'chat', to: receiver.bare }, body)).catch(() => {})
  }, 1_000 / perSecond)
  return {
    take: () => {
      const sorted = latencies.toSorted((one, other) => one - other)
      latencies = []
      const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
      return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
    },
    close: async () => {
      clearInterval(talk)
      for (const device of devices) await device.close()
    },
  }
}
