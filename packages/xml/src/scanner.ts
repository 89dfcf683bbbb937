import { createRecord } from './decode.ts'
import type { Attributes, FaultCondition, GateFault, Payload } from './events.ts'
import type { GateLimits } from './limits.ts'
import type { NameTable } from './name-table.ts'

/** Where in the grammar the next byte stands. */
export const scanState = {
  between: 0,
  text: 1,
  lessThan: 2,
  bang: 3,
  cdata: 4,
  startName: 5,
  tag: 6,
  tagSpace: 7,
  attributeName: 8,
  beforeEquals: 9,
  beforeValue: 10,
  value: 11,
  emptyTag: 12,
  endName: 13,
  endSpace: 14,
  reference: 15,
  declaration: 16,
} as const

/** A prefix in scope. */
export type Binding = {
  readonly prefix: string
  readonly uri: string
  readonly next: Binding | undefined
  readonly isFromHeader: boolean
}

/** An open element: where its start tag's name stands, and the namespaces in scope inside it. */
export type Frame = {
  nameStart: number
  nameEnd: number
  readonly defaultNamespace: string
  readonly bindings: Binding | undefined
  readonly parent: Frame | undefined
}

/** What surrounds the element being scanned: the stream header's scope, the limits, the shared names. */
export type ScanContext = {
  readonly limits: GateLimits
  readonly names: Pick<NameTable, 'decode'>
  readonly contentNamespace: string
  readonly defaultNamespace: string
  readonly bindings: Binding | undefined
}

/** Numbers kept for one attribute in Scanner.attributes. */
export const attributeStride = 6
/** Flags of an attribute (the sixth number). */
export const attributeFlag = { needsDecoding: 1, isDeclaration: 2, isDefaultDeclaration: 4 } as const

const letterX = 0x78
const noAttributes: Attributes = Object.freeze(createRecord())

/**
 * The registers of the scan of one first-level element: everything that must survive the end of a chunk.
 * Shape: all offsets are into `buffer`; `rebase` moves them when the bytes move. A stream holds one only while an
 * element is incomplete.
 */
export class Scanner {
  buffer: Uint8Array
  context: ScanContext
  /** The tag to come is a stream header: it is reported at its `>` and its content is the stream's. */
  isHeader = false
  /** An XML declaration may stand here. */
  isDeclarationAllowed = false
  state: number = scanState.between
  base = 0
  position = 0
  /** The element is complete and ends at `position`. */
  isDone = false
  isStreamEnd = false
  fault: GateFault | undefined = undefined

  /** The name being read, of an element or an attribute. */
  nameStart = 0
  nameEnd = 0
  colon = -1
  nameBits = 0
  /** The element whose start tag is being read. */
  tagStart = 0
  tagEnd = 0
  tagColon = -1
  bits = 0
  quote = 0
  valueStart = 0
  valueFlags = 0
  referenceStart = 0
  referenceReturn: number = scanState.text
  matched = 0
  attributes: number[] = []
  attributeCount = 0
  /** Some attribute of the tag has a colon in its name. */
  hasColon = false
  /** Some attribute of the tag begins with an x, so it may declare a namespace. */
  mayDeclare = false

  frame: Frame | undefined = undefined
  depth = 0
  children = 0
  declarations = 0
  /** Namespaces in scope inside the element whose tag is being taken in. */
  scopeDefault = ''
  scopeBindings: Binding | undefined = undefined

  rootName = ''
  rootNamespace = ''
  rootNameEnd = 0
  rootBindings: Binding | undefined = undefined
  rootDefaultNamespace = ''
  rootDeclarationStart = -1
  rootDeclarationEnd = -1
  rootAttributes: Attributes = noAttributes
  payloads: Payload[] = []
  headerBindingsUsed: Binding[] | undefined = undefined

  constructor(context: ScanContext, buffer: Uint8Array) {
    this.context = context
    this.buffer = buffer
  }

  /** Starts over at an element's `<`. */
  begin(buffer: Uint8Array, base: number): void {
    this.buffer = buffer
    this.base = base
    this.position = base
    this.state = scanState.between
    this.isHeader = false
    this.isDeclarationAllowed = false
    this.isDone = false
    this.isStreamEnd = false
    this.fault = undefined
    this.bits = 0
    this.beginTag()
    this.frame = undefined
    this.depth = 0
    this.children = 0
    this.declarations = 0
    this.rootDeclarationStart = -1
    this.rootDeclarationEnd = -1
    this.rootAttributes = noAttributes
    this.payloads = []
    this.headerBindingsUsed = undefined
  }

  /** Follows the bytes of the element to another place. */
  rebase(buffer: Uint8Array, delta: number): void {
    this.buffer = buffer
    this.base += delta
    this.position += delta
    this.nameStart += delta
    this.nameEnd += delta
    if (this.colon >= 0) this.colon += delta
    this.tagStart += delta
    this.tagEnd += delta
    if (this.tagColon >= 0) this.tagColon += delta
    this.valueStart += delta
    this.referenceStart += delta
    this.rootNameEnd += delta
    if (this.rootDeclarationStart >= 0) {
      this.rootDeclarationStart += delta
      this.rootDeclarationEnd += delta
    }
    for (let at = 0; at < this.attributeCount * attributeStride; at++) {
      const offset = this.attributes[at] as number
      // the sixth number is flags; a colon of -1 stays
      if (at % attributeStride !== 5 && offset >= 0) this.attributes[at] = offset + delta
    }
    for (let frame = this.frame; frame !== undefined; frame = frame.parent) {
      frame.nameStart += delta
      frame.nameEnd += delta
    }
  }

  /** Forgets the attributes of the tag before. */
  beginTag(): void {
    this.attributeCount = 0
    this.hasColon = false
    this.mayDeclare = false
  }

  /** Notes the name that ends at `position` as an attribute's. */
  beginAttribute(): void {
    this.addAttribute(this.nameStart, this.position, 0, 0)
  }

  /** Notes a whole attribute with nothing to decode; its name's colon is in `colon`. */
  addAttribute(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const { attributes } = this
    const at = this.attributeCount * attributeStride
    attributes[at] = nameStart
    attributes[at + 1] = nameEnd
    attributes[at + 2] = this.colon
    attributes[at + 3] = valueStart
    attributes[at + 4] = valueEnd
    attributes[at + 5] = 0
    this.attributeCount++
    if (this.colon >= 0) this.hasColon = true
    if (this.buffer[nameStart] === letterX) this.mayDeclare = true
  }

  /** Notes where the value of the newest attribute stands. */
  endAttribute(end: number): void {
    const at = (this.attributeCount - 1) * attributeStride
    this.attributes[at + 3] = this.valueStart
    this.attributes[at + 4] = end
    this.attributes[at + 5] = this.valueFlags
  }

  fail(condition: FaultCondition, text: string): undefined {
    this.fault = { condition, text }
  }
}
