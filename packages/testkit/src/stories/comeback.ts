import { type Device, patienceMs, type Reach, serviceOf } from './device.ts'

/** Breaks a device's connection without a word; resolves when it knows. */
export function cut({ xmpp }: Device): Promise<void> {
  return new Promise((resolve) => {
    xmpp.on('disconnect', () => resolve())
    const { socket } = xmpp
    if (socket?.destroy !== undefined) socket.destroy()
    else socket?.end?.()
  })
}

/**
 * Lets a device that was cut off connect anew, there or elsewhere; says whether it goes on with its session.
 * Errors: rejects when the server refuses it.
 */
export async function comeBack({ xmpp, bare }: Device, reach: Reach): Promise<'resumed' | 'began'> {
  const service = serviceOf(reach, xmpp.options.service.startsWith('ws') ? 'websocket' : 'tcp')
  xmpp.options.service = service
  let timer: NodeJS.Timeout | undefined
  const outcome = new Promise<'resumed' | 'began'>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${bare} came back in vain`)), patienceMs)
    xmpp.on('error', (error: Error) => reject(error))
    xmpp.on('online', () => resolve('began'))
    xmpp.streamManagement.on('resumed', () => resolve('resumed'))
  })
  outcome.catch(() => undefined) // heard below, once the stream is open
  try {
    await xmpp.connect(service)
    await xmpp.open({ domain: reach.domain })
    return await outcome
  } finally {
    clearTimeout(timer)
  }
}
