// Runs the seeds it is told, one after another.
import { parentPort } from 'node:worker_threads'
import { mutations } from './flaws.ts'
import { simulate } from './simulate.ts'
import type { PresenceLoss } from './world.ts'

interface Task {
  readonly seed: number
  readonly managed: number | undefined
  readonly mutation: string | undefined
  readonly presenceLoss: PresenceLoss | undefined
}

parentPort?.on('message', ({ seed, managed, mutation, presenceLoss }: Task) => {
  const flaws = mutations[mutation ?? '']?.flaws ?? {}
  const more = {
    ...(managed === undefined ? {} : { managed }),
    ...(presenceLoss === undefined ? {} : { presenceLoss }),
  }
  simulate(seed, { flaws, ...more }).then(
    (run) => parentPort?.postMessage(run),
    (error: unknown) => {
      throw error
    },
  )
})
