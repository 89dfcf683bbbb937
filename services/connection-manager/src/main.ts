import { modules } from '@starling/modules'
import { runProcess } from '@starling/runtime'
import { connectionManager } from './stage.ts'

await runProcess({ service: 'connection-manager', stages: [connectionManager], modules })
