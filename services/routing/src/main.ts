import { modules } from '@starling/modules'
import { runProcess } from '@starling/runtime'
import { routing } from './stage.ts'

await runProcess({ service: 'routing', stages: [routing], modules })
