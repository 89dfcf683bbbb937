export { type MemoryLogOptions, memoryLog } from './log.ts'
export { type MemoryPresenceOptions, memoryPresence } from './presence.ts'
