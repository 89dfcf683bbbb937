import type { Stage } from '@starling/core'
import { createWorker } from './worker.ts'

/** The recipient's side: everything a client receives passes here, in one order (DESIGN §1). */
export const routing: Stage = { kind: 'keyed', name: 'routing', consumes: ['routing'], create: createWorker }
