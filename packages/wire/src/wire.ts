export { type Inbox, type InboxName, inboxes, inboxNames, partitionOf } from './inboxes.ts'
export { packedBytes, packRecord, type RecordFault, recordVersion, unpackRecord } from './record.ts'
