declare module '@xmpp/client' {
  /** An element of @xmpp/xml. */
  export interface XmppElement {
    readonly name: string
    readonly attrs: Record<string, string | undefined>
    readonly children: readonly (XmppElement | string)[]
    is(name: string, xmlns?: string): boolean
    getChild(name: string, xmlns?: string): XmppElement | undefined
    getChildren(name: string, xmlns?: string): XmppElement[]
    getChildText(name: string, xmlns?: string): string | null
    getText(): string
    toString(): string
  }
  /** The client that others wrote. */
  export interface XmppClient {
    connect(service: string): Promise<unknown>
    open(options: { readonly domain: string }): Promise<unknown>
    stop(): Promise<unknown>
    send(element: XmppElement): Promise<void>
    on(event: string, listener: (value: never) => void): this
    readonly reconnect: { stop(): void }
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
