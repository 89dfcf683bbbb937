// Runs the seeds it is told, one after another.
import { parentPort } from 'node:worker_threads'
import { mutations } from './flaws.ts'
import { simulate } from './simulate.ts'

interface Task {
  readonly seed: number
  readonly managed: number | undefined
  readonly mutation: string | undefined
}

parentPort?.on('message', ({ seed, managed, mutation }: Task) => {
  const flaws = mutations[mutation ?? '']?.flaws ?? {}
  simulate(seed, { flaws, ...(managed === undefined ? {} : { managed }) }).then(
    (run) => parentPort?.postMessage(run),
    (error: unknown) => {
      throw error
    },
  )
})
