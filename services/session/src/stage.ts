import type { Stage } from '@starling/core'
import { createWorker } from './worker.ts'

/** The session stage: the sender's side, and the owner of accounts (DESIGN §1). */
export const session: Stage = { kind: 'keyed', name: 'session', consumes: ['session'], create: createWorker }
