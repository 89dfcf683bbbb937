import type { Log, Logger, Stage } from '@starling/core'
import { inboxes } from '@starling/wire'
import type { HttpServer } from './http.ts'
import type { Parts } from './parts.ts'
import type { Ports } from './ports.ts'
import { offsetsPerStart } from './start-counter.ts'
import type { ProcessTracing } from './tracing/tracing.ts'
import { isDoneWithin } from './within.ts'

/** What ending a process needs. */
export interface Ending {
  readonly ports: Ports
  readonly parts: Parts
  readonly stages: readonly Stage[]
  readonly http: HttpServer
  readonly tracing: ProcessTracing | undefined
  readonly logger: Logger
  readonly monotonic: () => number
  /** Units: ms for everything together. */
  readonly drainTimeoutMs: number
}

/** Share of the time that sockets get, the work they left behind gets what remains. */
const socketsShare = 0.5
/** Between two looks at what is left. Units: ms. */
const lookMs = 20

/**
 * Makes the function that ends a process: sockets first; then, where the log ends with the process, all that is in it is
 * handled; then readers close (and commit), and log, presence and storage after them. Says whether everything was done in time.
 */
export function createEnding(ending: Ending): () => Promise<boolean> {
  let ended: Promise<boolean> | undefined
  return () => {
    ended ??= end(ending)
    return ended
  }
}

async function end({
  ports,
  parts,
  stages,
  http,
  tracing,
  logger,
  monotonic,
  drainTimeoutMs,
}: Ending): Promise<boolean> {
  const deadline = monotonic() + drainTimeoutMs
  let isClean = true
  parts.isStopping = true
  const step = async (what: string, work: (leftMs: number) => Promise<unknown>): Promise<void> => {
    const leftMs = Math.max(0, deadline - monotonic())
    try {
      if (await isDoneWithin(work(leftMs), leftMs)) return
      logger.error({ what: 'stop.out-of-time', step: what, drainTimeoutMs })
    } catch (error) {
      logger.error({ what: 'stop.failed', step: what, error })
    }
    isClean = false
  }
  const all = (works: readonly (Promise<unknown> | undefined)[]): Promise<unknown> => Promise.all(works)
  await step('services', (leftMs) => all(parts.services.map((service) => service.drain(leftMs * socketsShare))))
  if (ports.isEmbedded) await step('log.handled', () => untilHandled(ports.log, stages, () => monotonic() > deadline))
  await step('readers', () => all(parts.readers.map((reader) => reader.close())))
  await step('inboxes', () => all(parts.inboxes.map((inbox) => inbox.close())))
  await step('workers', () => all(parts.workers.map((worker) => worker.close?.())))
  await step('log', () => ports.log.close())
  await step('presence', () => ports.presence.close())
  await step('storage', () => ports.storage?.close() ?? Promise.resolve())
  await step('tracing', () => tracing?.close() ?? Promise.resolve())
  await step('http', () => http.close())
  logger.info({ what: 'process.stopped', isClean })
  return isClean
}

/** Waits until every group has committed all there is, twice in a row: what a last batch caused shows at the second look. */
async function untilHandled(log: Log, stages: readonly Stage[], isOver: () => boolean): Promise<void> {
  let before = ''
  while (!isOver()) {
    const now = await handledEnds(log, stages)
    if (now !== undefined && now === before) return
    before = now ?? ''
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  throw new Error('the log of this process still holds what nobody has handled')
}

/** The ends of all inboxes as text, if every reader has committed up to them. */
async function handledEnds(log: Log, stages: readonly Stage[]): Promise<string | undefined> {
  const seen: string[] = []
  for (const stage of stages) {
    if (stage.kind === 'pod') continue
    for (const inbox of stage.consumes) {
      const { topic } = inboxes[inbox]
      const ends = await log.ends(topic)
      const committed = await log.committed(`starling.${stage.name}`, topic)
      for (const [partition, offset] of ends) {
        const reached = committed.get(partition)?.offset
        if (reached === undefined ? offset % offsetsPerStart !== 0 : reached < offset) return undefined
        seen.push(`${topic}/${partition}=${offset}`)
      }
    }
  }
  return seen.join(' ')
}
