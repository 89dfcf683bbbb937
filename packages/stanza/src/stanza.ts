export {
  delayElement,
  elementOf,
  errorElement,
  errorReply,
  iqResult,
  makeStanza,
  payloadOf,
  streamErrorElement,
} from './build.ts'
export {
  type Condition,
  conditions,
  type ErrorType,
  type StanzaError,
  type StreamCondition,
  type StreamError,
  stanzaError,
  streamConditions,
} from './errors.ts'
export { hasNamespace, hasPayload, isRequest, type Stanza, type StanzaKind } from './kinds.ts'
export * as ns from './ns.ts'
export { isStanzaElement, readStanza, type StanzaFault } from './read.ts'
