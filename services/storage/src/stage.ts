import type { Stage } from '@starling/core'
import { createWorker } from './worker.ts'

/** The only stage with SQL: it answers questions, keeps what must last, and archives what routing delivers (DESIGN §1). */
export const storage: Stage = {
  kind: 'storage',
  name: 'storage',
  consumes: ['storage', 'routing'],
  create: createWorker,
}
