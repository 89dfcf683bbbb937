export {
  type Infrastructure,
  type InfrastructureOptions,
  startInfrastructure,
} from './infrastructure/infrastructure.ts'
export type { Server } from './infrastructure/server-process.ts'
