import { modules } from '@starling/modules'
import { runProcess } from '@starling/runtime'
import { gateway } from './stage.ts'

await runProcess({ service: 'gateway', stages: [gateway], modules })
