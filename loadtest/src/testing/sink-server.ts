// A server that does next to nothing: it lets everybody in by PLAIN, echoes presence and passes messages on. With it, it is
// the generator that is measured. `node sink-server.ts PORT`; prints "ready".
import { createServer, type Socket } from 'node:net'
import { Scanner } from '../client/scanner.ts'
import { attribute } from '../client/stream-text.ts'

const ns = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
const header = `<stream:stream ${ns} from='localhost' id='x' version='1.0'>`
const first =
  "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
const second = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"

const byName = new Map<string, Socket>()

function serve(socket: Socket): void {
  let name = ''
  const jid = (): string => `${name}@localhost/load`
  const answer = (tag: string, whole: string): string => {
    if (tag.startsWith('<auth')) {
      name =
        Buffer.from(/>([^<]*)</.exec(whole)?.[1] ?? '', 'base64')
          .toString()
          .split('\0')[1] ?? ''
      byName.set(name, socket)
      return "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    }
    if (tag.startsWith('<presence')) return `<presence from='${jid()}' to='${jid()}'/>`
    if (!tag.startsWith('<iq')) return ''
    const bound =
      attribute(tag, 'id') === 'bind' ? `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid()}</jid></bind>` : ''
    return `<iq type='result' id='${attribute(tag, 'id')}'>${bound}</iq>`
  }
  const scanner = new Scanner({
    onHeader: () => void socket.write(header + (name === '' ? first : second)),
    onEnd: () => void socket.end('</stream:stream>'),
    onFault: () => void socket.destroy(),
    onStanza: ({ bytes, start, end, tagEnd }) => {
      const tag = bytes.toString('latin1', start, tagEnd)
      if (tag.startsWith('<message')) {
        const to = attribute(tag, 'to')
        byName.get(to.slice(0, to.indexOf('@')))?.write(Buffer.from(bytes.subarray(start, end)))
        return
      }
      const text = answer(tag, bytes.toString('utf8', start, end))
      if (text !== '') socket.write(text)
    },
  })
  socket.setNoDelay(true)
  socket.on('data', (chunk) => scanner.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => byName.get(name) === socket && byName.delete(name))
}

createServer(serve).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4_096 }, () => {
  process.stdout.write('ready\n')
})
