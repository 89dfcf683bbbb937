declare module '@xmpp/client' {
  /** An element of @xmpp/xml. */
  export interface XmppElement {
    readonly name: string
    readonly attrs: Record<string, string | undefined>
    children: (XmppElement | string)[]
    is(name: string, xmlns?: string): boolean
    getChild(name: string, xmlns?: string): XmppElement | undefined
    getChildren(name: string, xmlns?: string): XmppElement[]
    getChildText(name: string, xmlns?: string): string | null
    getText(): string
    toString(): string
  }
  /** Its stream management. Source: XEP-0198. */
  export interface XmppStreamManagement {
    readonly id: string
    readonly enabled: boolean
    /** Stanzas handled, as it will tell the server. */
    readonly inbound: number
    readonly outbound_q: readonly unknown[]
    /** Units: ms. */
    requestAckDebounce: number
    timeout: number
    on(event: 'ack' | 'fail', listener: (stanza: XmppElement) => void): this
    on(event: 'resumed', listener: () => void): this
  }
  /** The client that others wrote. */
  export interface XmppClient {
    readonly streamManagement: XmppStreamManagement
    readonly options: { service: string }
    readonly status: string
    readonly socket: { destroy?(): void; end?(): void } | null
    disconnect(): Promise<unknown>
    /** Reads the stream; null between streams. */
    readonly parser: object | null
    /** Told of every byte that comes; overridden to leave out what comes between streams. */
    _onData(data: Uint8Array | string): void
    /** Writes to the stream; overridden to see what goes. */
    write(text: string): Promise<void>
    /** Told of every element that comes; overridden to take out what a client is not to know. */
    _onElement(element: XmppElement): void
    connect(service: string): Promise<unknown>
    open(options: { readonly domain: string }): Promise<unknown>
    stop(): Promise<unknown>
    send(element: XmppElement): Promise<void>
    on(event: string, listener: (value: never) => void): this
    readonly reconnect: { stop(): void; reconnect(): Promise<void> }
    readonly iqCaller: { request(element: XmppElement, timeoutMs?: number): Promise<XmppElement> }
    readonly jid: { toString(): string } | null
    /** Units: ms for each step of connecting. */
    timeout: number
  }
  export function client(options: {
    readonly service: string
    readonly domain: string
    readonly username: string
    readonly password: string
    readonly resource?: string
  }): XmppClient
  export function xml(name: string, attrs?: Record<string, string>, ...children: (XmppElement | string)[]): XmppElement
}
