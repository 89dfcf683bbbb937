import type { Worker } from '@starling/core'
import type { InboxName } from '@starling/wire'
import { runKeyed } from '../../packages/runtime/src/keyed.ts'
import { createPublisher, type Publisher } from '../../packages/runtime/src/publisher.ts'
import { rememberStates } from '../../packages/runtime/src/remembered-states.ts'
import { createWorker as createRouting } from '../../services/routing/src/worker.ts'
import { createWorker as createSession } from '../../services/session/src/worker.ts'
import { createWorker as createStorage } from '../../services/storage/src/worker.ts'
import type { Broker } from './broker.ts'
import type { Engine, Process } from './engine.ts'
import { ioOf } from './io.ts'
import type { PresenceServer } from './presence.ts'
import type { Database } from './storage.ts'

/** Stages that work on keyed inboxes. */
export const keyedStages = ['session', 'routing', 'storage'] as const

/** Name of a stage that works on keyed inboxes. */
export type KeyedStage = (typeof keyedStages)[number]

/** What stages share. */
export interface Servers {
  readonly engine: Engine
  readonly broker: Broker
  readonly presence: PresenceServer
  readonly database: Database
  readonly flaws: StageFlaws
  /** Presence may lose what it was told: stages note how far they are (R11). */
  readonly isPresenceFickle: boolean
}

/** What a stage may be made to do wrong. */
export interface StageFlaws {
  /** States are saved before what follows from them is published. */
  readonly savesFirst?: boolean
  /** What two stages cause from one inbox names one source. */
  readonly sharesSources?: boolean
}

const consumes: Readonly<Record<KeyedStage, readonly InboxName[]>> = {
  session: ['session'],
  routing: ['routing'],
  storage: ['routing', 'storage'],
}

// Room for some of the accounts, so that some are remembered and some are not. Units: bytes.
const maxStateBytes = 2_500

/** Starts a process of a stage: the real worker under the real runtime. */
export function startStage(servers: Servers, stage: KeyedStage, process: Process): void {
  const { engine, broker, presence, database, flaws, isPresenceFickle } = servers
  engine.later(process, 0, () => {
    const io = ioOf(engine, process, presence)
    const log = broker.logOf(process)
    const { logger, metrics } = io
    const remembered =
      stage === 'storage' ? undefined : rememberStates(io.presence, { kind: stage, maxBytes: maxStateBytes, metrics })
    const make = (): Worker => {
      switch (stage) {
        case 'session':
          return createSession({ ...io, presence: remembered?.presence ?? io.presence })
        case 'routing':
          return createRouting({ ...io, presence: remembered?.presence ?? io.presence })
        case 'storage':
          return createStorage({ ...io, storage: database.storageOf(process) })
        default:
          return stage satisfies never
      }
    }
    const worker = flawed(make(), flaws)
    createPublisher(log)
      .then((real) => {
        const publisher = flaws.sharesSources === true ? sharing(real) : real
        const noted = isPresenceFickle ? { presence: io.presence, monotonic: io.monotonic } : {}
        return runKeyed(stage, consumes[stage], worker, { log, publisher, logger, metrics, remembered, ...noted })
      })
      .catch((error: unknown) => engine.violation(`${process.name} does not start: ${String(error)}`))
  })
}

/** Every stage speaks as the one whose inbox it reads. */
function sharing(publisher: Publisher): Publisher {
  return {
    ...publisher,
    publishWork: (stage, outputs) => publisher.publishWork(outputs[0]?.cause.place.inbox ?? stage, outputs),
  }
}

function flawed(worker: Worker, flaws: StageFlaws): Worker {
  if (flaws.savesFirst !== true) return worker
  return {
    ...worker,
    work: async (batch) => {
      const { outputs, save } = await worker.work(batch)
      await save?.()
      return { outputs }
    },
  }
}
