import type { Socket } from 'node:net'
import type { Channel } from './channel.ts'

/** Longest message; a plan with the accounts of a CSV is the longest there is. Units: characters. */
const maxLine = 256 * 1024 * 1024

/** A channel over TCP: one JSON text a line. */
export function lineChannel<Out, In>(socket: Socket): Channel<Out, In> {
  let take: (message: In) => void = () => {}
  let tell: (reason: string) => void = () => {}
  let isClosing = false
  let parts: string[] = []
  let length = 0
  socket.setNoDelay(true)
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string | Buffer) => {
    const lines = chunk.toString().split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      const whole = parts.join('') + line
      parts = []
      length = 0
      take(JSON.parse(whole) as In)
    }
    parts.push(last)
    length += last.length
    if (length > maxLine) socket.destroy(new Error('a message is too long'))
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    if (!isClosing) tell('a worker is gone: its connection ended')
  })
  return {
    send: (message) => void socket.write(`${JSON.stringify(message)}\n`),
    onMessage: (taker) => {
      take = taker
    },
    onClose: (teller) => {
      tell = teller
    },
    close: () => {
      isClosing = true
      socket.end()
    },
  }
}
