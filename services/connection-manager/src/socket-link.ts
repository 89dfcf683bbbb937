import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { ChannelBindingType } from '@starling/sasl'
import { bindingData, bindingTypes } from './channel-binding.ts'
import { limits } from './limits.ts'
import type { FlushList, Link, LinkOwner } from './link.ts'
import { OutputQueue } from './output-queue.ts'
import type { TlsIdentities } from './tls-identities.ts'
import type { TlsIdentity } from './tls-identity.ts'

/** What every socket link shares. */
export interface SocketLinkPorts {
  readonly flushes: FlushList
  readonly identities: () => TlsIdentities
  readonly maxOutputBytes: number
}

const linkOf = Symbol('link')
type OwnedSocket = Socket & { [linkOf]?: SocketLink }

/** TCP, before and after STARTTLS, and direct TLS. Handlers are shared by all links: a link costs no closure but one. */
export class SocketLink implements Link {
  readonly #ports: SocketLinkPorts
  readonly #owner: LinkOwner
  readonly #output: OutputQueue
  #socket: Socket
  #identity: TlsIdentity | undefined
  #domain: string | undefined
  #isEnding = false
  #isGone = false
  #isQueued = false
  #isPaused = false
  #isSecuring = false
  readonly #written = (): void => {
    this.#output.settle()
    if (!this.#output.isEmpty) this.#ports.flushes.check()
    this.#write()
  }

  constructor(socket: Socket, owner: LinkOwner, ports: SocketLinkPorts) {
    this.#ports = ports
    this.#owner = owner
    this.#output = new OutputQueue(ports.maxOutputBytes)
    this.#socket = socket
    this.#adopt(socket)
    socket.on('close', onClose)
  }

  get isSecure(): boolean {
    return this.#socket instanceof TLSSocket
  }

  get queuedBytes(): number {
    return this.#output.bytes
  }

  /** Begins to read in the clear. */
  readPlain(): void {
    this.#socket.on('data', onData)
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isEnding || this.#isGone) return true
    if (!this.#output.add(bytes)) return false
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#ports.flushes.add(this)
    }
    return true
  }

  flush(): void {
    this.#isQueued = false
    this.#write()
  }

  pause(): void {
    this.#isPaused = true
    if (!this.#isSecuring) this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#isSecuring) this.#socket.resume()
  }

  end(last: readonly Uint8Array[], isForced: boolean): void {
    if (this.#isEnding || this.#isGone) return
    if (isForced) this.#output.truncate()
    for (const bytes of last) this.#output.addLast(bytes)
    this.#isEnding = true
    // What still comes is read and thrown away, so that the client's own end is seen.
    this.resume()
    this.#write()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** The TLS socket is made when the ClientHello can be read: it then needs a fifth of the memory for its first read. */
  startTls(domain?: string): void {
    this.#isSecuring = true
    this.#domain = domain
    const socket = this.#socket
    socket.removeListener('data', onData)
    socket.pause()
    this.#write()
    socket.once('readable', onHello)
  }

  channelBindings(): readonly ChannelBindingType[] {
    return this.#socket instanceof TLSSocket ? bindingTypes(this.#socket, this.#identity?.endPoint) : []
  }

  channelBinding(type: ChannelBindingType): Uint8Array | undefined {
    return this.#socket instanceof TLSSocket ? bindingData(this.#socket, type, this.#identity?.endPoint) : undefined
  }

  /** The ClientHello is there. */
  hello(): void {
    if (this.#isGone || this.#socket.destroyed) return
    const plain = this.#socket
    const identities = this.#ports.identities()
    const identity = identities.find(this.#domain) ?? identities.first
    const secure = new TLSSocket(plain, {
      isServer: true,
      secureContext: identity.context,
      ALPNProtocols: ['xmpp-client'], // XEP-0368 §3 rule 8
      ...(identities.areMany ? { SNICallback: onServerName } : {}),
    })
    plain.removeListener('error', onError)
    plain.on('error', ignore)
    this.#identity = identity
    this.#socket = secure
    this.#adopt(secure)
    secure.once('secure', onSecure)
  }

  /** The client names the domain it wants: its certificate is shown, if it has one. Source: RFC 6066 §3; XEP-0368 §3 rule 6. */
  named(domain: string): SecureContext | undefined {
    const identity = this.#ports.identities().find(domain)
    if (identity !== undefined) this.#identity = identity
    return identity?.context
  }

  /** The handshake is done. */
  secured(): void {
    this.#isSecuring = false
    this.#socket.on('data', onData)
    if (this.#isPaused) this.#socket.pause()
    this.#owner.secured()
  }

  receive(chunk: Uint8Array): void {
    if (!this.#isEnding) this.#owner.receive(chunk)
  }

  gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#socket.destroy()
    this.#owner.gone()
  }

  #adopt(socket: Socket): void {
    const owned = socket as OwnedSocket
    owned[linkOf] = this
    socket.on('error', onError)
    if (socket instanceof TLSSocket) socket.on('close', onClose)
  }

  #write(): void {
    const output = this.#output
    if (this.#isGone || this.#socket.destroyed || output.isTaken) return
    if (output.isEmpty) {
      if (this.#isEnding) this.#socket.end()
      return
    }
    const pieceBytes = this.isSecure ? limits.tlsPieceBytes : limits.plainPieceBytes
    this.#socket.write(output.takePiece(pieceBytes), this.#written)
  }
}

function onData(this: Socket, chunk: Uint8Array): void {
  ;(this as OwnedSocket)[linkOf]?.receive(chunk)
}

function onHello(this: Socket): void {
  ;(this as OwnedSocket)[linkOf]?.hello()
}

// Node calls it as a method of the socket, so that links need no closure for it
function onServerName(
  this: unknown,
  domain: string,
  done: (error: Error | null, context?: SecureContext) => void,
): void {
  done(null, (this as OwnedSocket)[linkOf]?.named(domain))
}

function onSecure(this: Socket): void {
  ;(this as OwnedSocket)[linkOf]?.secured()
}

function onClose(this: Socket): void {
  ;(this as OwnedSocket)[linkOf]?.gone()
}

// An error is followed by `close`, which says all there is to say; a failed handshake has no `close` of its own.
function onError(this: Socket): void {
  this.destroy()
}

function ignore(): void {}
