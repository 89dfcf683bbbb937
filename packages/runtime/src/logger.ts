import type { LogEvent, Logger, Settings } from '@starling/core'
import { destination, pino, stdSerializers } from 'pino'

/** The logger of a process, whose level may change. */
export interface ProcessLogger extends Logger {
  readonly setLevel: (level: Settings['logLevel']) => void
}

/** JSON lines on standard error (standard output is for people); events carry `what`, errors their code and cause. */
export function createLogger(level: Settings['logLevel'], pod: string): ProcessLogger {
  const log = pino(
    { level, base: { pod }, serializers: { error: stdSerializers.errWithCause } },
    destination({ dest: 2, sync: false }),
  )
  return {
    setLevel: (next) => {
      log.level = next
    },
    debug: (event: LogEvent) => log.debug(event),
    info: (event: LogEvent) => log.info(event),
    warn: (event: LogEvent) => log.warn(event),
    error: (event: LogEvent) => log.error(event),
  }
}
