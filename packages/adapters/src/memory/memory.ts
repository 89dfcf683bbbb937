export { type MemoryLogOptions, memoryLog } from './log.ts'
