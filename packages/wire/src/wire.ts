export { archiveId, isArchiveId, type Place } from './archive-id.ts'
export { ownedBytes } from './bytes.ts'
export { type CauseTable, causeIndex, causeTable, maxEmissions } from './causes.ts'
export { decodeEnvelope, type EnvelopeFault, encodeEnvelope } from './codec.ts'
export type {
  AccountChanged,
  Answered,
  Ask,
  Bind,
  Bundle,
  Cast,
  Deliver,
  DeliverHead,
  Drop,
  Enable,
  EnableHead,
  Envelope,
  EnvelopeKind,
  Expire,
  Flush,
  FromClient,
  Loaded,
  Offline,
  PodDied,
  Reassert,
  Recount,
  ReplyTo,
  Request,
  Resume,
  Sent,
  State,
  StateChange,
  ToAccount,
  Write,
} from './envelope.ts'
export type {
  Cause,
  Json,
  Recipient,
  Remembered,
  Target,
} from './envelope-parts.ts'
export { causeSource, type Inbox, type InboxName, inboxes, inboxNames, partitionOf } from './inboxes.ts'
export { decodeJson, encodeJson } from './json.ts'
export type {
  Answer,
  Bound,
  Close,
  Lease,
  Output,
  OutputBundle,
  Signal,
  SignalHead,
} from './pod-envelopes.ts'
export { packedBytes, packRecord, type RecordFault, recordVersion, unpackRecord } from './record.ts'
