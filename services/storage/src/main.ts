import { modules } from '@starling/modules'
import { runProcess } from '@starling/runtime'
import { storage } from './stage.ts'

await runProcess({ service: 'storage', stages: [storage], modules })
