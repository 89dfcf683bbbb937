import type { Random } from './random.ts'

/** A simulated process: what it waits for stays away while it is stopped, and for ever once it is killed. */
export interface Process {
  readonly name: string
  isAlive: boolean
  /** Stands still, as after SIGSTOP: time goes on, nothing of it runs. */
  isStopped: boolean
  /** Steps that fell due while it stood still. */
  readonly held: Step[]
  /** What it asked others to do and they have not done yet. */
  readonly underWay: Set<{ isDropped: boolean }>
}

interface Step {
  readonly dueMs: number
  readonly order: number
  /** Undefined: something between processes (a server, the network, a client). */
  readonly owner: Process | undefined
  readonly run: () => void
  isCancelled: boolean
}

/** Virtual time, and everything that is to happen in it. */
export interface Engine {
  readonly random: Random
  readonly nowMs: () => number
  /** Whose step runs now. */
  readonly running: () => Process | undefined
  /** Runs a step later; returns what cancels it. Steps due at the same time run in the order of the calls. */
  readonly later: (owner: Process | undefined, delayMs: number, run: () => void) => () => void
  readonly process: (name: string) => Process
  readonly kill: (process: Process) => void
  readonly stop: (process: Process) => void
  readonly go: (process: Process) => void
  /** How long something on its way takes this time. Units: ms. */
  readonly latencyMs: () => number
  /** Runs step after step until it is over, or the time is. */
  readonly run: (isOver: () => boolean, untilMs: number) => Promise<void>
  readonly trace: (line: () => string) => void
  /** Something that must never happen. */
  readonly violation: (text: string) => void
  readonly violations: readonly string[]
  readonly steps: () => number
}

/** What a run is told. */
export interface EngineOptions {
  readonly random: Random
  readonly onTrace?: ((line: string) => void) | undefined
}

// The real one: it runs after all that promises of a step have led to.
const afterPromises = setImmediate

/** An engine at time 0. Units: ms of virtual time. */
export function createEngine({ random, onTrace }: EngineOptions): Engine {
  const heap: Step[] = []
  const violations: string[] = []
  let nowMs = startMs
  let order = 0
  let steps = 0
  let running: Process | undefined
  // Some runs are calm, some are rough
  const roughness = random.pick([0.2, 1, 1, 3])

  const later: Engine['later'] = (owner, delayMs, run) => {
    order += 1
    const step: Step = { dueMs: nowMs + Math.max(0, delayMs), order, owner, run, isCancelled: false }
    push(heap, step)
    return () => {
      step.isCancelled = true
    }
  }
  const next = (untilMs: number): Step | undefined => {
    for (;;) {
      const first = heap[0]
      if (first === undefined || first.dueMs > untilMs) return undefined
      pop(heap)
      nowMs = Math.max(nowMs, first.dueMs)
      if (first.isCancelled || first.owner?.isAlive === false) continue
      if (first.owner?.isStopped === true) first.owner.held.push(first)
      else return first
    }
  }
  const one = (step: Step): void => {
    steps += 1
    running = step.owner
    try {
      step.run()
    } catch (error) {
      violations.push(`threw: ${textOf(error)}`)
    }
  }
  return {
    random,
    nowMs: () => nowMs,
    running: () => running,
    later,
    process: (name) => ({ name, isAlive: true, isStopped: false, held: [], underWay: new Set() }),
    kill: (process) => {
      process.isAlive = false
      process.isStopped = false
      process.held.length = 0
      // What was sent may have left the machine or not; it leaves in order
      let keeps = random.below(process.underWay.size + 1)
      for (const request of process.underWay) if (keeps-- <= 0) request.isDropped = true
    },
    stop: (process) => {
      process.isStopped = true
    },
    go: (process) => {
      process.isStopped = false
      for (const step of process.held.splice(0)) if (!step.isCancelled) later(process, 0, step.run)
    },
    latencyMs: () => {
      const kind = random.next()
      if (kind < 0.7) return random.next() * 2
      if (kind < 0.95) return random.next() * 20 * roughness
      if (kind < 0.995) return random.next() * 200 * roughness
      return random.next() * 1500 * roughness
    },
    run: (isOver, untilMs) =>
      new Promise((resolve) => {
        const loop = (): void => {
          running = undefined
          for (;;) {
            const isEnded = isOver()
            const step = isEnded ? undefined : next(untilMs)
            if (step === undefined) {
              if (!isEnded) nowMs = Math.max(nowMs, untilMs)
              resolve()
              return
            }
            one(step)
            if (step.owner === undefined) continue
            afterPromises(loop)
            return
          }
        }
        afterPromises(loop)
      }),
    trace: (line) => {
      if (onTrace !== undefined) onTrace(`${((nowMs - startMs) / 1000).toFixed(3).padStart(8)} ${line()}`)
    },
    violation: (text) => {
      violations.push(text)
      if (onTrace !== undefined) onTrace(`${((nowMs - startMs) / 1000).toFixed(3).padStart(8)} VIOLATION ${text}`)
    },
    violations,
    steps: () => steps,
  }
}

/** When virtual time begins. Units: ms since 1970. */
export const startMs = 1_700_000_000_000

/** An error as a line. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const at = error.stack?.split('\n')[1]?.trim() ?? ''
  return `${error.name}: ${error.message} ${at.replace(/\(?file:.*\/(packages|services|tools)\//, '($1/')}`
}

function isBefore(one: Step, other: Step): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}

function push(heap: Step[], step: Step): void {
  let at = heap.length
  heap.push(step)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Step
    if (!isBefore(step, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = step
}

function pop(heap: Step[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Step, heap[child] as Step)) child += 1
    if (!isBefore(heap[child] as Step, last)) break
    heap[at] = heap[child] as Step
    at = child
  }
  heap[at] = last
}
