import { modules } from '@starling/modules'
import { runProcess } from '@starling/runtime'
import { session } from './stage.ts'

await runProcess({ service: 'session', stages: [session], modules })
