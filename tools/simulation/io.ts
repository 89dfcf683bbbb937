import { createRegistry, type Io, type Logger, type Metrics, type Registry, type Settings } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { modules } from '@starling/modules'
import { defaultSettings } from '@starling/runtime'
import { type Engine, type Process, startMs, textOf } from './engine.ts'
import type { PresenceServer } from './presence.ts'

/** The domain of all simulations. */
export const domain = 'sim.test' as BareJid

/** How long a session waits for its client in the simulation. Units: s. */
export const resumeSeconds = 20

/** Settings of every simulated process: times shorter than by default, so that they pass within a run. */
export const settings: Settings = {
  ...defaultSettings,
  domain,
  c2s: {
    ...defaultSettings.c2s,
    requireTls: false,
    stanzasPerSecond: 0,
    bytesPerSecond: 0,
    loginsPerSecond: 0,
    streamsPerAddress: 0,
    pingAfterMs: 20_000,
    pingTimeoutMs: 10_000,
  },
  sm: { resumeSeconds, maxUnackedStanzas: 200, requestAfterStanzas: 3, requestAfterMs: 500, ackTimeoutMs: 6_000 },
}

/** Modules never change: one registry serves all seeds. */
export const registry: Registry = createRegistry(modules, {}, { name: 'Starling', version: '0' })

const nothing = (): void => {}

/** Metrics nobody reads. */
export const noMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  observed: nothing,
  histogram: () => ({ observe: nothing }),
}

// What the log of a healthy stage may hold only when something is broken beyond what the simulation breaks
const bugs = new Set([
  'session.bug',
  'session.unexpected',
  'session.unreadable',
  'routing.bug',
  'routing.unexpected',
  'storage.bug',
  'storage.unexpected',
  'connection-bug',
  'envelope.unreadable',
  'batch.given-up',
  'roll-unreadable',
])

function loggerOf(engine: Engine, process: Process): Logger {
  const say =
    (level: string) =>
    (event: { readonly what: string }): void => {
      const text = (): string => {
        const { what, ...rest } = event as { what: string; error?: unknown }
        const error = rest.error === undefined ? '' : ` ${textOf(rest.error)}`
        return `${what} ${JSON.stringify({ ...rest, error: undefined })}${error}`
      }
      if (level === 'error' && (bugs.has(event.what) || isBug(event))) engine.violation(`${process.name}: ${text()}`)
      else if (level !== 'debug') engine.trace(() => `${process.name} ${text()}`)
    }
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
}

/** A batch fails when what it needs is away; for any other reason it must not. */
function isBug(event: { readonly what: string; readonly error?: unknown }): boolean {
  if (event.what !== 'batch.failed') return false
  const code = (event.error as { code?: unknown } | undefined)?.code
  return !(typeof code === 'string' && /^(LOG_FAILED|PRESENCE_DOWN|STORAGE_DOWN)$/.test(code))
}

/** What every stage of a process is given. */
export function ioOf(engine: Engine, process: Process, server: PresenceServer): Io {
  return {
    pod: process.name,
    domain,
    isServed: (other) => other === domain,
    settings,
    registry,
    presence: server.presenceOf(process),
    logger: loggerOf(engine, process),
    metrics: noMetrics,
    clock: engine.nowMs,
    monotonic: () => engine.nowMs() - startMs + 1,
    random: (bytes) => Uint8Array.from({ length: bytes }, () => engine.random.below(256)),
  }
}
