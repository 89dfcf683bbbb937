import type { LogEvent, Logger, Settings } from '@starling/core'
import { destination, pino, stdSerializers } from 'pino'

/** JSON lines on standard error (standard output is for people); events carry `what`, errors their code and cause. */
export function createLogger(level: Settings['logLevel'], pod: string): Logger {
  const log = pino(
    { level, base: { pod }, serializers: { error: stdSerializers.errWithCause } },
    destination({ dest: 2, sync: false }),
  )
  return {
    debug: (event: LogEvent) => log.debug(event),
    info: (event: LogEvent) => log.info(event),
    warn: (event: LogEvent) => log.warn(event),
    error: (event: LogEvent) => log.error(event),
  }
}
