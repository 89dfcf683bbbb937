import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { lineChannel } from './line-channel.ts'

/** A socket that hears its own words. */
function echo(): Socket {
  return Object.assign(new PassThrough(), { setNoDelay: () => {} }) as unknown as Socket
}

describe('the way to a worker on another machine', () => {
  it('messages come whole and in order, however they are cut', async () => {
    const socket = echo()
    const channel = lineChannel<unknown, unknown>(socket)
    const heard: unknown[] = []
    const done = new Promise<void>((resolve) => {
      channel.onMessage((message) => {
        heard.push(message)
        if (heard.length === 3) resolve()
      })
    })
    channel.send({ text: 'ä\n' })
    const bytes = Buffer.from('{"n":1}\n{"n":"é"}\n')
    for (const byte of bytes) socket.write(Buffer.from([byte]))
    await done
    assert.deepEqual(heard, [{ text: 'ä\n' }, { n: 1 }, { n: 'é' }])
  })

  it('an end that we did not ask for is told', async () => {
    const socket = echo()
    const channel = lineChannel<unknown, unknown>(socket)
    const told = new Promise<string>((resolve) => void channel.onClose(resolve))
    socket.destroy()
    assert.match(await told, /its connection ended/)
  })
})
