import { startPod } from '../start.ts'
import { fakeIo } from './fake-io.ts'

// A pod in a process of its own: tells its ports, then its memory whenever it is asked.
const fake = await fakeIo({ c2s: { requireTls: false, maxOutputBytes: 0 } })
await fake.listenHttp()
const pod = await startPod(fake.io)
process.send?.({ ports: { ...pod.ports, http: fake.httpPort() } })
process.on('message', (question: unknown) => {
  if (question === 'end') process.exit(0)
  fake.published.length = 0
  fake.asked.length = 0
  settle(4, () => {
    const { rss, heapUsed } = process.memoryUsage()
    process.send?.({ rss, heapUsed })
  })
})
process.on('disconnect', () => process.exit(0))

function settle(rounds: number, done: () => void): void {
  globalThis.gc?.()
  if (rounds === 0) done()
  else setTimeout(() => settle(rounds - 1, done), 50)
}
