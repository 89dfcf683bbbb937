export { logContract } from './contracts/log-contract.ts'
export { contractPartitions, type LogHarness, type LogOverrides } from './contracts/log-harness.ts'
export { presenceContract } from './contracts/presence-contract.ts'
export type { PresenceHarness } from './contracts/presence-harness.ts'
export { storageContract } from './contracts/storage-contract.ts'
export { orphansSql, type StorageHarness } from './contracts/storage-harness.ts'
export { type Growth, growthOf, picker } from './growth.ts'
export {
  type Infrastructure,
  type InfrastructureOptions,
  startInfrastructure,
} from './infrastructure/infrastructure.ts'
export { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './infrastructure/otlp-receiver.ts'
export { freePorts } from './infrastructure/ports.ts'
export { type Server, type ServerSpec, startServer } from './infrastructure/server-process.ts'
export { makeTestCertificates, type TestCertificates } from './infrastructure/test-certificates.ts'
export { type Archived, walkArchive } from './stories/archive-walk.ts'
export { chatStories } from './stories/chat-stories.ts'
export { comeBack, cut } from './stories/comeback.ts'
export {
  connect,
  type Device,
  type FormerSession,
  ignoreFeatures,
  ignoreLateData,
  managesStream,
  type Reach,
  type Transport,
} from './stories/device.ts'
export { presenceStories } from './stories/presence-stories.ts'
export { serviceStories } from './stories/service-stories.ts'
export { expiryStories, smStories } from './stories/sm-stories.ts'
export { traceStory } from './stories/trace-story.ts'
export { type Cast, play, type World } from './stories/world.ts'
