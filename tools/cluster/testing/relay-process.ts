// `node relay-process.ts HOST:PORT>HOST:PORT …`: relays of a network namespace, which has its own loopback; says `ready`.
import { openRelay, type Place } from './relay.ts'

const placeOf = (text = ''): Place => {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) }
}
for (const pair of process.argv.slice(2)) {
  const [from, target] = pair.split('>')
  await openRelay(placeOf(target), { from: placeOf(from), mode: 'open' })
}
process.stdin.resume().once('end', () => process.exit(0)) // who started it has gone
console.log('ready')
