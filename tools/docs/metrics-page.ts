import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectionManager } from '@starling/connection-manager'
import type { Settings, Stage } from '@starling/core'
import { gateway } from '@starling/gateway'
import { modules } from '@starling/modules'
import { routing } from '@starling/routing'
import { defaultSettings, run } from '@starling/runtime'
import { session } from '@starling/session'
import { storage } from '@starling/storage'
import { parse } from 'yaml'
import { root } from '../run.ts'

/** A metric as a service declares it. */
export interface MetricRow {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly services: readonly string[]
}

const stages: readonly Stage[] = [connectionManager, session, routing, storage, gateway]

/** Every metric of Starling's own, read from the services themselves: each is started alone, in memory, and asked for /metrics. */
export async function declaredMetrics(): Promise<readonly MetricRow[]> {
  const rows = new Map<string, MetricRow>()
  for (const stage of stages) {
    for (const { name, type, help } of await metricsOf(stage)) {
      const services = [...(rows.get(name)?.services ?? []), stage.name]
      rows.set(name, { name, type, help, services })
    }
  }
  return [...rows.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function metricsOf(stage: Stage): Promise<readonly Omit<MetricRow, 'services'>[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-docs-'))
  const settings: Settings = {
    ...defaultSettings,
    dataDir,
    ports: { c2s: 0, c2sTls: 0, http: 0 },
    listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
    embedded: { durability: 'memory' },
    admin: { token: 'a-token-for-the-docs', allowRemote: false },
    drainTimeoutMs: 1_000,
  }
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  try {
    const running = await run({ stages: [stage], modules, settings, pod: 'docs', logger: silent })
    try {
      const response = await fetch(`http://127.0.0.1:${running.ports['http']}/metrics`)
      return readDeclarations(await response.text())
    } finally {
      await running.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Starling's metrics in Prometheus' text format. */
export function readDeclarations(text: string): readonly Omit<MetricRow, 'services'>[] {
  const helps = new Map([...text.matchAll(/^# HELP (starling_\S+) (.*)$/gm)].map(([, name, help]) => [name, help]))
  return [...text.matchAll(/^# TYPE (starling_\S+) (\S+)$/gm)].map(([, name = '', type = '']) => {
    return { name, type, help: helps.get(name) ?? '' }
  })
}

/** What a number of this metric counts. */
export function unitOf({ name, type }: Pick<MetricRow, 'name' | 'type'>): string {
  if (name.endsWith('_seconds')) return 's'
  if (/_bytes(_total)?$/.test(name)) return 'bytes'
  if (type === 'counter') return 'events since start'
  return name === 'starling_ready' ? '0 or 1' : 'count'
}

/** The alerts of the PrometheusRule and what they look at. */
export function readAlerts(): readonly { readonly alert: string; readonly expr: string; readonly summary: string }[] {
  const { spec } = parse(readFileSync(join(root, 'k8s/monitoring/rules.yaml'), 'utf8')) as {
    readonly spec: {
      readonly groups: readonly {
        readonly rules: readonly { alert: string; expr: string; annotations: { summary: string } }[]
      }[]
    }
  }
  return spec.groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, annotations }) => ({ alert, expr, summary: annotations.summary })),
  )
}

/** Whether an expression looks at a metric: by its name, that of a histogram's series, or a pattern of names. */
export function looksAt(expr: string, name: string): boolean {
  if (new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(expr)) return true
  return [...expr.matchAll(/__name__=~"([^"]*)"/g)].some(([, pattern]) => new RegExp(`^(?:${pattern})$`).test(name))
}

/** The page of metrics. */
export async function metricsPage(): Promise<string> {
  const alerts = readAlerts()
  const rows = (await declaredMetrics()).map((row) => {
    const used = alerts.filter(({ expr }) => looksAt(expr, row.name)).map(({ alert }) => alert)
    const links = used.map((alert) => `[${alert}](operations.md#${alert.toLowerCase()})`)
    const cells = [`\`${row.name}\``, row.type, unitOf(row), row.help, where(row.services), links.join(', ')]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '# Metrics',
    '',
    'Written by `npm run docs`: each service is started, and asked for its `/metrics`; the alerts are those of',
    '`k8s/monitoring/rules.yaml`. Every service answers `/metrics` at its HTTP port (5280). No label names a person.',
    '',
    '| metric | type | unit | meaning | service | alerts |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    'Beside them stand those of Node.js itself (`process_…`, `nodejs_…`): `process_cpu_seconds_total`, `process_resident_memory_bytes`,',
    '`nodejs_heap_size_used_bytes` and `nodejs_eventloop_lag_p99_seconds` are on the dashboard of saturation. How far consumer groups are',
    'behind is told by Kafka Exporter (`kafka_consumergroup_lag`), not by the services.',
    '',
  ].join('\n')
}

function where(services: readonly string[]): string {
  return services.length === stages.length ? 'all' : services.join(', ')
}
