import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import { limits } from './limits.ts'
import { type FlushList, type Link, type LinkOwner, noChannel } from './link.ts'
import { OutputQueue } from './output-queue.ts'

const linkOf = Symbol('link')
type OwnedWebSocket = WebSocket & { [linkOf]?: WebSocketLink }

/** One WebSocket: every element is a text message of its own. Source: RFC 7395 §3.3. */
export class WebSocketLink implements Link {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #owner: LinkOwner
  readonly #flushes: FlushList
  readonly #output: OutputQueue
  #isEnding = false
  #isGone = false
  #isQueued = false
  readonly isSecure: boolean
  readonly channelBindings = noChannel.bindings
  readonly channelBinding = noChannel.binding
  readonly #written = (): void => {
    this.#output.settle()
    if (!this.#output.isEmpty) this.#flushes.check()
    this.#write()
  }

  constructor(
    { webSocket, socket, isSecure }: { webSocket: WebSocket; socket: Duplex; isSecure: boolean },
    owner: LinkOwner,
    ports: { readonly flushes: FlushList; readonly maxOutputBytes: number },
  ) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.isSecure = isSecure
    this.#owner = owner
    this.#flushes = ports.flushes
    this.#output = new OutputQueue(ports.maxOutputBytes)
    ;(webSocket as OwnedWebSocket)[linkOf] = this
    webSocket.on('message', onMessage)
    webSocket.on('pong', onPong)
    webSocket.on('ping', onPong)
    webSocket.on('error', onError)
    webSocket.on('close', onClose)
  }

  get queuedBytes(): number {
    return this.#output.bytes
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isEnding || this.#isGone) return true
    if (!this.#output.add(bytes)) return false
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#flushes.add(this)
    }
    return true
  }

  flush(): void {
    this.#isQueued = false
    this.#write()
  }

  pause(): void {
    this.#webSocket.pause()
  }

  resume(): void {
    this.#webSocket.resume()
  }

  /** A WebSocket ping, which is no stanza. Source: RFC 7395 §3.8; RFC 6455 §5.5.2. */
  ping(): void {
    if (!this.#isGone && !this.#isEnding) this.#webSocket.ping()
  }

  end(last: readonly Uint8Array[], isForced: boolean): void {
    if (this.#isEnding || this.#isGone) return
    if (isForced) this.#output.truncate()
    for (const bytes of last) this.#output.addLast(bytes)
    this.#isEnding = true
    this.resume()
    this.#write()
  }

  destroy(): void {
    this.#webSocket.terminate()
  }

  /** RFC 7395 §3.9: there is no STARTTLS here. */
  startTls(): void {
    this.destroy()
  }

  message(data: RawData, isBinary: boolean): void {
    if (this.#isEnding) return
    if (isBinary) {
      // RFC 7395 §3.2: XMPP stands in text messages only
      this.#owner.broken('text messages only')
      return
    }
    this.#owner.receive(data as Uint8Array)
  }

  /** Any answer shows that the peer lives. */
  alive(): void {
    if (!this.#isEnding) this.#owner.receive(new Uint8Array())
  }

  gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#owner.gone()
  }

  #write(): void {
    const output = this.#output
    if (this.#isGone || output.isTaken) return
    if (output.isEmpty) {
      if (this.#isEnding) this.#webSocket.close(1000) // RFC 7395 §3.6
      return
    }
    const chunks = output.takeChunks(this.isSecure ? limits.tlsPieceBytes : limits.plainPieceBytes)
    this.#socket.cork()
    const text = { binary: false } as const
    for (let at = 0; at < chunks.length - 1; at++) this.#webSocket.send(chunks[at] as Uint8Array, text)
    this.#webSocket.send(chunks[chunks.length - 1] as Uint8Array, text, this.#written)
    this.#socket.uncork()
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  ;(this as OwnedWebSocket)[linkOf]?.message(data, isBinary)
}

function onPong(this: WebSocket): void {
  ;(this as OwnedWebSocket)[linkOf]?.alive()
}

function onClose(this: WebSocket): void {
  ;(this as OwnedWebSocket)[linkOf]?.gone()
}

// ws answers what breaks its framing with the close code (1009 for a message too big) and then says `close`.
function onError(this: WebSocket): void {}
