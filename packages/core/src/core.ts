export type {
  ArchiveContext,
  Context,
  RoutingContext,
  SessionContext,
  SessionView,
  StorageContext,
  StreamContext,
} from './context.ts'
export { domainOf, servedDomains } from './domains.ts'
export { change, type Effect, type Outcome, pass, refuse, stop } from './effect.ts'
export { hibernationName, type NamedHibernation, readHibernationName } from './hibernation.ts'
export { type KeptAtMark, keptAtMark } from './kept-at-mark.ts'
export {
  type Committed,
  type GroupOptions,
  type Log,
  type LogBatch,
  LogError,
  type LogErrorCode,
  type LogHealth,
  type LogReader,
  type LogRecord,
  type Produced,
} from './log.ts'
export {
  defineModule,
  type Handler,
  type IqAnswer,
  type IqHandler,
  type IqKey,
  type IqScope,
  type Module,
  type Option,
  type Phase,
  type Point,
  type Points,
  phases,
  type Spec,
  type StoredIqHandler,
  type StreamIqHandler,
} from './module.ts'
export {
  type AccountState,
  type Decision,
  type Hibernation,
  type PodLife,
  type Presence,
  PresenceError,
  type Progress,
  type Proposal,
  type QueueChange,
  type QueueEntry,
  type QueuePlace,
  type SlotLease,
  type StateKind,
  type StateSave,
} from './presence.ts'
export { createRegistry, type FoundIq, type ModuleOptions, type PointRun, type Registry } from './registry.ts'
export type { Settings } from './settings.ts'
export type {
  AskResult,
  Batch,
  HttpPort,
  Input,
  Io,
  Output,
  Place,
  PodInbox,
  PodIo,
  PodService,
  Stage,
  StageName,
  StorageIo,
  Work,
  Worker,
} from './stage.ts'
export { type AskStep, answer, ask, refuseStep, type Step } from './step.ts'
export {
  type ArchiveBounds,
  type ArchivePage,
  type ArchiveQuery,
  type ArchiveRow,
  type Document,
  type DocumentKey,
  type OfflineStanza,
  type QueryArgs,
  type QueryCall,
  type QueryName,
  type QueryResult,
  type Roster,
  type RosterItem,
  type Storage,
  StorageError,
  type StorageQueries,
} from './storage.ts'
export type { Identity, Support } from './support.ts'
export type { Labels, LogEvent, Logger, Metrics, Tracing } from './watching.ts'
