import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** A signed-in user of a load: writes stanzas, and says which numbered messages arrived. */
export interface LoadUser {
  readonly jid: string
  readonly send: (stanza: string) => void
  readonly end: () => void
}

/** Who signs in, and where. */
export interface SignIn {
  readonly port: number
  readonly domain: string
  readonly name: string
  readonly password: string
  /** A message's number, as `numbered` wrote it. */
  readonly onMessage: (number: number) => void
  readonly onError: (error: Error) => void
}

const numberDigits = 10
const bodyTag = Buffer.from('<body>')
const saslNs = 'urn:ietf:params:xml:ns:xmpp-sasl'

/** A body of `length` characters that begins with the message's number. */
export function numbered(number: number, length: number): string {
  return `${String(number).padStart(numberDigits, '0')} `.padEnd(length, 'abcdefghi ')
}

/** Signs in over plain TCP with SCRAM-SHA-1, binds, and becomes available. Errors: rejects with what the server said. */
export async function signIn(who: SignIn): Promise<LoadUser> {
  const socket = await open(who.port)
  const lines = reader(socket)
  const header = `<stream:stream to='${who.domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
  const ask = (text: string, until: RegExp): Promise<RegExpExecArray> => {
    socket.write(text)
    return lines.until(until)
  }
  await ask(header, /<\/stream:features>/)
  await scram(who, ask)
  await ask(header, /<\/stream:features>/)
  const bind =
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>"
  const [, jid = ''] = await ask(bind, /<jid>([^<]*)<\/jid>.*<\/iq>/)
  // The own presence comes back (RFC 6121 §4.2.2): then messages find this resource.
  await ask('<presence/>', /<presence[ >]/)
  lines.stop()
  follow(socket, who)
  return { jid, send: (stanza) => void socket.write(stanza), end: () => socket.destroy() }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Waits for text while signing in. */
function reader(socket: Socket) {
  let text = ''
  let wake = (): void => {}
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('utf8')
    wake()
  }
  const onClose = (): void => {
    text += '<closed/>'
    wake()
  }
  socket.on('data', onData)
  socket.once('close', onClose)
  return {
    until: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(text)
        if (match !== null) {
          text = text.slice(match.index + match[0].length)
          return match
        }
        if (/<failure|<stream:error|<closed\/>/.test(text)) throw new Error(`sign-in failed: ${text}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    stop: () => {
      socket.off('data', onData)
      socket.off('close', onClose)
    },
  }
}

// RFC 5802 §3, without channel binding
async function scram(who: SignIn, ask: (text: string, until: RegExp) => Promise<RegExpExecArray>): Promise<void> {
  const first = `n=${who.name},r=of-the-load-${who.name}`
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const [, challenge = ''] = await ask(
    `<auth xmlns='${saslNs}' mechanism='SCRAM-SHA-1'>${encode(`n,,${first}`)}</auth>`,
    /<challenge[^>]*>([^<]*)</,
  )
  const serverFirst = Buffer.from(challenge, 'base64').toString()
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(serverFirst) ?? []
  const salted = pbkdf2Sync(who.password, Buffer.from(salt, 'base64'), Number(rounds), 20, 'sha1')
  const clientKey = createHmac('sha1', salted).update('Client Key').digest()
  const storedKey = createHash('sha1').update(clientKey).digest()
  const final = `c=biws,r=${nonce}`
  const signature = createHmac('sha1', storedKey).update(`${first},${serverFirst},${final}`).digest()
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString('base64')
  await ask(`<response xmlns='${saslNs}'>${encode(`${final},p=${proof}`)}</response>`, /<success/)
}

/** Looks for numbered bodies and for nothing else: the generator must stay far cheaper than the server. */
function follow(socket: Socket, { onMessage, onError }: SignIn): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (;;) {
      const found = bytes.indexOf(bodyTag, at)
      const end = found + bodyTag.length + numberDigits
      if (found < 0 || end > bytes.length) break
      onMessage(digits(bytes, found + bodyTag.length))
      at = end
    }
    // A body tag or its number may be cut anywhere.
    rest = bytes.subarray(Math.max(at, bytes.length - bodyTag.length - numberDigits))
    if (bytes.includes('<stream:error')) onError(new Error(`the server ended the stream: ${bytes.toString('utf8')}`))
  })
  socket.on('error', onError)
}

function digits(bytes: Buffer, start: number): number {
  let number = 0
  for (let at = start; at < start + numberDigits; at++) number = number * 10 + (bytes[at] ?? 48) - 48
  return number
}
