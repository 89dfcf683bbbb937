export type { SplicedChild } from './children.ts'
export { Element, type ElementAttributes, type ElementNode, isElement, parseElement, xml } from './element.ts'
export { escapeText, escapeXml } from './escape.ts'
export type {
  Attributes,
  FaultCondition,
  GateEvent,
  GateFault,
  Payload,
  ScannedElement,
  StreamOpen,
} from './events.ts'
export { createGate, type Gate, type GateOptions } from './gate.ts'
export { authenticatedLimits, type GateLimits, unauthenticatedLimits } from './limits.ts'
export { createNameTable, type NameTable } from './name-table.ts'
export { readElement, scanElement, type XmlResult } from './scan-element.ts'
export { serializeElement, serializeToString } from './serialize.ts'
export {
  appendChildren,
  insertRootAttributes,
  type RootAttributes,
  removeChildren,
  type Stamp,
  setRootAttribute,
  stamp,
  withNamespace,
} from './splice.ts'
export { bodyNamespace, clientNamespace, framingNamespace, streamNamespace } from './stream-names.ts'
