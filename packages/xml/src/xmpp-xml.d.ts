/** What we use of the package, which brings no types. The parts that can throw on hostile names are left out. */
declare module '@xmpp/xml' {
  export type Child = Element | string

  export class Element {
    constructor(name: string, attrs?: Readonly<Record<string, string | undefined>> | string)
    name: string
    parent: Element | null
    children: Child[]
    attrs: Record<string, string>
    is(name: string, xmlns?: string): boolean
    getName(): string
    getNS(): string | undefined
    findNS(prefix?: string): string | undefined
    getChild(name: string, xmlns?: string): Element | undefined
    getChildren(name: string, xmlns?: string): Element[]
    getChildByAttr(name: string, value: string, xmlns?: string, recursive?: boolean): Element | undefined
    getChildElements(): Element[]
    getChildText(name: string, xmlns?: string): string | null
    getText(): string
    text(): string
    root(): Element
    up(): Element
    c(name: string, attrs?: Readonly<Record<string, string | undefined>> | string): Element
    cnode(child: Element): Element
    t(text: string): Element
    append(...nodes: readonly Child[]): void
    prepend(...nodes: readonly Child[]): void
    remove(child: Element | string, xmlns?: string): Element
    toString(): string
  }

  /** Only the benchmark compares with it: it checks next to nothing and may throw. */
  export class Parser {
    write(text: string): void
    on(event: string, listener: (value: unknown) => void): void
  }

  export type Attrs = Readonly<Record<string, string | number | boolean | null | undefined>>
  export type Node = Element | string | number | boolean | null | undefined | readonly Node[]

  export function xml(name: string, attrs?: Attrs | string | null, ...children: readonly Node[]): Element
}
