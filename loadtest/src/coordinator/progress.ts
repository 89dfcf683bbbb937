import type { Moment } from '../report/result.ts'
import { writeDuration, writeNumber } from '../scenario/quantities.ts'

/** What the progress line tells besides the moment. */
export interface ProgressState {
  readonly phase: string
  /** Units: seconds left of this phase, if known. */
  readonly left: number | undefined
  readonly users: number
  readonly open: number
  readonly failures: number
}

/** One line: rate, latency, errors, what remains. */
export function progressLine(moment: Moment, { phase, left, users, open, failures }: ProgressState): string {
  const latency =
    moment.p50 === undefined ? '' : `  p50 ${writeDuration(moment.p50)} p99 ${writeDuration(moment.p99 ?? 0)}`
  const cpu =
    moment.server.length === 0 ? '' : `  server ${percent(moment.server.reduce((sum, { cpu }) => sum + cpu, 0))}`
  return [
    `${phase}${left === undefined ? '' : ` ${Math.max(0, Math.round(left))} s left`}`,
    `online ${writeNumber(moment.online)}/${writeNumber(users)}`,
    `sent ${writeNumber(Math.round(moment.sent))}/s received ${writeNumber(Math.round(moment.received))}/s${latency}`,
    `on their way ${writeNumber(open)}`,
    `errors ${writeNumber(failures)}`,
    `generator ${percent(moment.generatorCpu)}${cpu}`,
  ].join('  ')
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** A line that a terminal shows in one place; elsewhere every so often a new one. Units: seconds. */
export function progressWriter(
  out: NodeJS.WriteStream,
  everySeconds: number,
): { readonly show: (line: string) => void; readonly end: () => void } {
  let seconds = 0
  return {
    show: (line) => {
      if (out.isTTY) out.write(`\r\u001b[K${line.slice(0, Math.max(20, out.columns - 1))}`)
      else if (seconds++ % everySeconds === 0) out.write(`${line}\n`)
    },
    end: () => {
      if (out.isTTY) out.write('\r\u001b[K')
    },
  }
}
