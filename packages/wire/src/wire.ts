export { archiveId, isArchiveId, type Place } from './archive-id.ts'
export { type CauseTable, causeIndex, causeTable, maxEmissions } from './causes.ts'
export { decodeEnvelope, type EnvelopeFault, encodeEnvelope } from './codec.ts'
export type {
  AccountChanged,
  Answer,
  Ask,
  Bind,
  Bound,
  Cast,
  Cause,
  Close,
  Deliver,
  DeliverHead,
  Drop,
  Envelope,
  EnvelopeKind,
  Flush,
  FromClient,
  Json,
  Lease,
  Loaded,
  Offline,
  Output,
  Recipient,
  ReplyTo,
  Request,
  Sent,
  State,
  StateChange,
  Target,
  ToAccount,
  Write,
} from './envelope.ts'
export { type Inbox, type InboxName, inboxes, inboxNames, partitionOf } from './inboxes.ts'
export { decodeJson, encodeJson } from './json.ts'
export { packedBytes, packRecord, type RecordFault, recordVersion, unpackRecord } from './record.ts'
