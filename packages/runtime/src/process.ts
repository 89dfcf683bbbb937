import { hostname } from 'node:os'
import type { Module, Settings, Stage } from '@starling/core'
import { inboxNames } from '@starling/wire'
import { applySettings } from './config/live-settings.ts'
import { loadConfig } from './config/load-config.ts'
import { createLogger } from './logger.ts'
import { type Running, run } from './run.ts'

/** What a process of Starling is. */
export interface ProcessPlan {
  /** Name of the service, for logs and the pod's name. */
  readonly service: string
  readonly stages: readonly Stage[]
  readonly modules: readonly Module[]
  /** Called once, when it is ready. */
  readonly onReady?: (running: Running, settings: Settings) => void | Promise<void>
  /** Called once, before it ends gracefully. */
  readonly onStop?: (settings: Settings) => void | Promise<void>
}

/** How a process ends: 0 drained, 1 a bug or a port in use, 2 settings to mend, 130 at once on a second signal. */
export const exitCodes = { drained: 0, failed: 1, misconfigured: 2, atOnce: 130 } as const

/**
 * Runs stages as this process: settings from environment and file, read again on SIGHUP, a graceful end on SIGTERM and SIGINT, an
 * immediate one on the second. An error nobody caught is logged and ends the process with 1: its supervisor starts it again, and the log
 * hands over again what it had not committed (R2).
 */
export async function runProcess(plan: ProcessPlan): Promise<void> {
  const config = loadConfig(process.env, plan.modules)
  if (!config.ok) misconfigured(plan, config.error)
  const settings = config.value
  if (settings.log.brokers.length === 0 && !isWhole(plan.stages)) {
    misconfigured(plan, [
      `log.brokers (STARLING_LOG_BROKERS) is missing: ${plan.service} alone is part of a cluster; npm start runs everything in one process`,
    ])
  }
  const pod = settings.pod === '' ? `${plan.service}-${hostname()}-${process.pid}` : settings.pod
  const logger = createLogger(settings.logLevel, pod)
  const crash = (what: string) => (error: unknown) => {
    logger.error({ what, error })
    process.exit(exitCodes.failed)
  }
  process.on('uncaughtException', crash('process.uncaught-exception'))
  process.on('unhandledRejection', crash('process.unhandled-rejection'))

  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      logger.warn({ what: 'process.ends-at-once', signal })
      process.exit(exitCodes.atOnce)
    }
    logger.info({ what: 'process.stopping', signal })
    stop.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  let reloadServices = (): void => {}
  const reload = (): void => {
    const next = loadConfig(process.env, plan.modules)
    if (!next.ok) {
      logger.error({ what: 'process.not-reloaded', faults: next.error })
      return
    }
    const applied = applySettings(settings, next.value)
    logger.setLevel(settings.logLevel)
    reloadServices()
    logger.info({ what: 'process.reloaded', ...applied })
  }
  // A terminal that is closed says SIGHUP too, and means the end
  process.on('SIGHUP', process.stdin.isTTY || process.stdout.isTTY ? onSignal : reload)

  const { stages, modules } = plan
  const running = await run({ stages, modules, settings, pod, logger, stop: stop.signal }).catch((error: unknown) => {
    if (stop.signal.aborted) process.exit(exitCodes.drained)
    process.stderr.write(`${plan.service} cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
    logger.error({ what: 'process.cannot-start', error })
    process.exit(exitCodes.failed)
  })
  reloadServices = running.reload
  await plan.onReady?.(running, settings)
  await untilAborted(stop.signal)
  await plan.onStop?.(settings)
  await running.stop()
  process.exit(exitCodes.drained)
}

/** Whether the stages can do without a cluster: with each inbox, who reads it. */
function isWhole(stages: readonly Stage[]): boolean {
  const read = new Set(stages.flatMap((stage) => (stage.kind === 'pod' ? [] : stage.consumes)))
  return inboxNames.every((name) => name === 'pod' || read.has(name))
}

function misconfigured({ service }: ProcessPlan, faults: readonly string[]): never {
  process.stderr.write(`${service} cannot start, ${faults.length} to mend:\n`)
  for (const fault of faults) process.stderr.write(`  ${fault}\n`)
  process.exit(exitCodes.misconfigured)
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
