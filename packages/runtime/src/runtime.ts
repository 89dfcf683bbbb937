export { defaultSettings } from './default-settings.ts'
export { type Plan, portOf, type Running, run, software } from './run.ts'
