import { writeDuration, writeNumber } from '../scenario/quantities.ts'
import { costsOf } from './costs.ts'
import type { RunResult } from './result.ts'

/** A run in a few lines for the terminal. */
export function summaryLines(result: RunResult): readonly string[] {
  const { reconciled: r, measures, server, saturation } = result
  const lines = [
    `messages  sent ${writeNumber(r.sent)}, received ${writeNumber(r.received)}, lost ${r.lost} (acknowledged ${r.lostAcked}, not ${r.lostUnacked}), ` +
      `duplicated ${r.duplicated}, reordered ${r.reordered}, bounced ${r.bounced}, late ${r.late}`,
    `rate      sent ${writeNumber(result.sentPerSecond)}/s, received ${writeNumber(result.receivedPerSecond)}/s, online ${writeNumber(result.online)} of ${writeNumber(result.users)}`,
    ...Object.entries(measures).map(
      ([name, { count, p50, p90, p99, p999, max }]) =>
        `${name.padEnd(9)} ${writeNumber(count)}: p50 ${writeDuration(p50)}, p90 ${writeDuration(p90)}, p99 ${writeDuration(p99)}, p99.9 ${writeDuration(p999)}, max ${writeDuration(max)}`,
    ),
  ]
  if (server !== undefined) {
    const perMillion =
      server.cpuPerMillion === undefined
        ? ''
        : `, ${writeNumber(Math.round(server.cpuPerMillion))} s for a million messages`
    lines.push(
      `server    CPU ${server.cpuSeconds.toFixed(2)} s${perMillion}; memory ${writeNumber(Math.round(server.memoryMb))} MB`,
    )
  }
  lines.push(...costLines(result))
  const failures = Object.entries(result.failures)
  for (const [reason, count] of failures) lines.push(`failure   ${reason}: ${count} times`)
  for (const { text, ok, actual } of result.thresholds) {
    lines.push(
      `${ok ? '✔' : '✖'} ${text}${ok ? '' : ` (${actual === undefined ? 'no such figure' : writeNumber(actual)})`}`,
    )
  }
  if (saturation.isSaturated)
    lines.push('INVALID: the generator was the limit', ...saturation.reasons.map((reason) => `  ${reason}`))
  return lines
}

/** What a piece of work cost, of those that happened. */
function costLines(result: RunResult): readonly string[] {
  const { cpuPerMillionPresence, cpuPerThousandPages, cpuPerThousandSignIns, memoryPerSessionKb } = costsOf(result)
  const figures = [
    [cpuPerMillionPresence, 's for a million presences delivered'],
    [cpuPerThousandPages, 's for 1,000 pages'],
    [cpuPerThousandSignIns, 's for 1,000 sign-ins'],
    [memoryPerSessionKb, 'KB more memory for each of them'],
  ] as const
  const parts = figures.flatMap(([value, text]) => (value === undefined ? [] : [`${writeNumber(value)} ${text}`]))
  return parts.length === 0 ? [] : [`cost      ${parts.join(', ')}`]
}
