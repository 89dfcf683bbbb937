// Two accounts talk through forwarded ports and every message is reconciled: node tools/k8s/e2e-chat.mjs PORT,PORT SECONDS
// What was said must come once and in order; a stream that broke is opened again, and what was not acknowledged is said again.
import { setTimeout as sleep } from 'node:timers/promises'
import { client, xml } from '@xmpp/client'

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // the certificate is certificate.sh's own
const ports = (process.argv[2] ?? '5222').split(',')
const seconds = Number(process.argv[3] ?? 10)
const perSecond = 10
const settleMs = 20_000

const received = []
const alice = person('e2e-alice', ports[0])
const bob = person('e2e-bob', ports[1] ?? ports[0])
const run = Date.now().toString(36)
bob.on('stanza', (stanza) => {
  const body = stanza.is('message') ? stanza.getChildText('body') : null
  if (body?.startsWith(`${run} `)) received.push(Number(body.split(' ')[1]))
})
await Promise.all([alice.start(), bob.start()])
await Promise.all([alice.send(xml('presence')), bob.send(xml('presence'))])

let said = 0
const unsaid = []
const end = Date.now() + seconds * 1000
while (Date.now() < end) {
  const number = said++
  const to = 'e2e-bob@localhost'
  await alice
    .send(xml('message', { to, type: 'chat', id: `${run}-${number}` }, xml('body', {}, `${run} ${number}`)))
    .catch(() => unsaid.push(number))
  await sleep(1000 / perSecond)
}
const last = Date.now() + settleMs
while (received.length < said - unsaid.length && Date.now() < last) await sleep(100)
await Promise.allSettled([alice.stop(), bob.stop()])

const lost = Array.from({ length: said }, (_, n) => n).filter((n) => !received.includes(n) && !unsaid.includes(n))
const twice = received.filter((n, at) => received.indexOf(n) !== at)
const disordered = received.filter((n, at) => at > 0 && n < received[at - 1])
console.log(
  `said ${said}, refused ${unsaid.length}, received ${received.length}; lost ${lost.length}, twice ${twice.length}, out of order ${disordered.length}`,
)
if (lost.length > 0) console.log(`lost: ${lost.join(' ')}`)
process.exit(lost.length + twice.length + disordered.length === 0 && received.length > 0 ? 0 : 1)

function person(username, port) {
  const one = client({
    service: `xmpp://127.0.0.1:${port}`,
    domain: 'localhost',
    username,
    password: `pass-${username}`,
  })
  one.on('error', (error) => console.error(`${username}: ${error.message}`))
  return one
}
