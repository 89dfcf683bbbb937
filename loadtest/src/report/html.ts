import { type Measure, measures } from '../measure/histograms.ts'
import { writeDuration, writeNumber } from '../scenario/quantities.ts'
import { counters } from '../worker/messages.ts'
import { drawPlot, escapeText, type Plot } from './plot.ts'
import type { Moment, RunResult } from './result.ts'

const style = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:46rem;padding:0 1rem;color:#111;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}td,th{text-align:right;padding:.2rem .5rem;border-bottom:1px solid #ddd;white-space:nowrap}
td:first-child,th:first-child{text-align:left;white-space:normal}svg{width:100%;margin:.5rem 0}svg text{font:11px system-ui,sans-serif;fill:#444}
svg .title{font-size:13px;font-weight:600;fill:#111}svg .grid{stroke:#e5e5e5}.passed{color:#15803d}.failed{color:#b91c1c}.invalid{color:#b45309}
pre{background:#f5f5f5;padding:1rem;overflow:auto}small{color:#666}`

const verdicts = {
  passed: 'passed',
  failed: 'failed: a threshold was not met',
  invalid: 'invalid: the generator was the limit, not the server',
} as const

/** One page with everything: no script, no picture and no font from elsewhere. */
export function htmlReport(result: RunResult): string {
  const { name, target, verdict, startedAt, users, workers, machine } = result
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeText(name)}</title><style>${style}</style></head><body>
<h1>${escapeText(name)}</h1>
<p class="${verdict}"><strong>${verdicts[verdict]}</strong></p>
<p>${escapeText(target)}, ${writeNumber(users)} users, ${workers} generator processes, begun ${escapeText(startedAt)}. ${escapeText(result.notes.join(' '))}<br>
<small>${escapeText(machine.model)}, ${machine.cores} cores, Node ${escapeText(machine.node)}, load average at the end ${machine.load.toFixed(1)}</small></p>
${saturation(result)}
${thresholds(result)}
<h2>Messages</h2>
${table(
  ['', 'messages'],
  Object.entries(result.reconciled).map(([key, value]) => [key, writeNumber(value)]),
)}
<h2>Times</h2>
${times(result)}
${plots(result).map(drawPlot).join('\n')}
${server(result)}
<h2>Counted</h2>
${table(
  ['', 'in the measured part'],
  Object.entries(result.counts)
    .filter(([, value]) => value !== 0)
    .map(([key, value]) => [(counters as Readonly<Record<string, string>>)[key] ?? key, writeNumber(value)]),
)}
${failures(result)}
<h2>Scenario</h2>
<pre>${escapeText(JSON.stringify(result.scenario, hidePassword, 2))}</pre>
</body></html>
`
}

/** Keeps passwords out of reports. */
export function hidePassword(key: string, value: unknown): unknown {
  return key === 'password' ? '…' : value
}

function saturation({ saturation: { isSaturated, reasons } }: RunResult): string {
  return isSaturated
    ? `<ul class="invalid">${reasons.map((reason) => `<li>${escapeText(reason)}</li>`).join('')}</ul>`
    : ''
}

function thresholds({ thresholds }: RunResult): string {
  if (thresholds.length === 0) return ''
  const rows = thresholds.map(({ text, ok, actual }) => [
    text,
    actual === undefined ? 'no such figure' : writeNumber(actual),
    ok ? 'passed' : 'failed',
  ])
  return `<h2>Thresholds</h2>${table(['', 'found', ''], rows)}`
}

function times({ measures: found }: RunResult): string {
  const rows = Object.entries(found).map(([name, one]) => [
    measures[name as Measure],
    writeNumber(one.count),
    ...[one.p50, one.p90, one.p99, one.p999, one.max].map(writeDuration),
  ])
  return table(['', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], rows)
}

function plots({ moments, measures: found }: RunResult): readonly Plot[] {
  const over = (name: string, figure: (moment: Moment) => number | undefined) => ({
    name,
    points: moments.map((moment) => [moment.at, figure(moment)] as const),
  })
  const processes = [...new Set(moments.flatMap(({ server }) => server.map(({ name }) => name)))]
  const of = (name: string, moment: Moment) => moment.server.find((one) => one.name === name)
  const seconds = { xUnit: 'seconds of the measured part' }
  return [
    {
      title: 'Latency of messages',
      unit: 'ms',
      ...seconds,
      isLogarithmic: true,
      series: [over('p50', ({ p50 }) => p50), over('p99', ({ p99 }) => p99), over('max', ({ max }) => max)],
    },
    distribution(found),
    {
      title: 'Rate',
      unit: 'messages/s',
      ...seconds,
      series: [over('sent', ({ sent }) => sent), over('received', ({ received }) => received)],
    },
    { title: 'Online', unit: 'users', ...seconds, series: [over('online', ({ online }) => online)] },
    { title: 'Errors', unit: 'per second', ...seconds, series: [over('failures', ({ failures }) => failures)] },
    {
      title: 'CPU',
      unit: 'cores',
      ...seconds,
      series: [
        ...processes.map((name) => over(name, (moment) => of(name, moment)?.cpu)),
        over('generator', ({ generatorCpu }) => generatorCpu),
      ],
    },
    {
      title: 'Memory of the server',
      unit: 'MB',
      ...seconds,
      series: processes.map((name) => over(name, (moment) => of(name, moment)?.memoryMb)),
    },
  ]
}

/** Percentiles at distances that grow towards 100 %: 90, 99, 99.9 … are equally far apart. */
function distribution(found: RunResult['measures']): Plot {
  const place = (percentile: number): number => -Math.log10(1 - Math.min(percentile, 99.9995) / 100)
  return {
    title: 'Distribution',
    unit: 'ms',
    xUnit: 'percentile',
    isLogarithmic: true,
    xTicks: [0, 50, 90, 99, 99.9, 99.99, 99.999].map((share) => [place(share), String(share)] as const),
    series: Object.entries(found).map(([name, { curve }]) => ({
      name,
      points: curve.map(([percentile, ms]) => [place(percentile), ms] as const),
    })),
  }
}

function server({ server: cost }: RunResult): string {
  if (cost === undefined) return ''
  const rows = cost.parts.map(({ name, cpuSeconds, memoryMb }) => [
    name,
    cpuSeconds.toFixed(2),
    writeNumber(Math.round(memoryMb)),
  ])
  const perMillion =
    cost.cpuPerMillion === undefined ? '' : `, ${writeNumber(Math.round(cost.cpuPerMillion))} for a million messages`
  const sum = `CPU of all ${cost.cpuSeconds.toFixed(2)} s${perMillion}; memory at most ${writeNumber(Math.round(cost.memoryMb))} MB`
  return `<h2>Server</h2><p>${sum}</p>${table(['', 'CPU s', 'MB at the end'], rows)}`
}

function failures({ failures: found }: RunResult): string {
  const rows = Object.entries(found).map(([reason, count]) => [reason, writeNumber(count)])
  return rows.length === 0 ? '' : `<h2>Failures</h2>${table(['', 'times'], rows)}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${cells('th', head)}${rows.map((row) => cells('td', row)).join('')}</table>`
}
