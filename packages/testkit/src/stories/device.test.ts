import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { it } from 'node:test'
import { connect } from './device.ts'

it('a device whose socket ends before the server said a word hears of it at once, not when its patience ends', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const reach = { domain: 'localhost', c2s: port, http: port }
  // the client's own patience would end with a TimeoutError
  await assert.rejects(connect(reach, { username: 'romeo', password: 'pencil' }), /stream ended before anybody/)
  server.close()
})
