export { type Config, loadConfig } from './config/load-config.ts'
export { defaultSettings } from './default-settings.ts'
export { exitCodes, type ProcessPlan, runProcess } from './process.ts'
export { type Plan, portOf, type Running, run, software } from './run.ts'
