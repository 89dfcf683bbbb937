import type { Findings } from './fault.ts'
import type { Settled } from './party.ts'

/** One fault and what it did. */
export interface Row {
  readonly fault: string
  /** Units: s from the fault's beginning until everything was settled. */
  readonly seconds: number
  readonly settled: Settled
  readonly findings: Findings
}

/** Whether nothing that is promised was broken. */
export function isSound({ settled, findings: { broken = [] } }: Row): boolean {
  if (broken.length > 0) return false
  const { lost, twice, reordered, bounced, settledMs } = settled
  return settledMs !== undefined && lost.acked + twice.acked + reordered.acked + bounced.acked === 0
}

/** One line about one fault. */
export function lineOf(row: Row): string {
  const { settled, fault, seconds, findings } = row
  const { skipped, notes = [], broken = [] } = findings
  if (skipped !== undefined) return `⚠ SKIPPED ${fault}: ${skipped}`
  const { sent, acked, lost, twice, reordered, bounced, resumed, began, settledMs } = settled
  const damage = (name: string, { acked: one, unacked }: { acked: number; unacked: number }): string =>
    `${name} ${one}${unacked > 0 ? ` (+${unacked} not acked)` : ''}`
  const own = settled.repeated > 0 ? `; ${settled.repeated} sent again by their own client after it was told h` : ''
  const kept = settled.excused > 0 ? `; ${settled.excused} in the archive alone, as is not promised otherwise` : ''
  const mark = isSound(row) ? '✔' : '✖'
  const parts = [
    damage('lost', lost),
    damage('twice', twice),
    damage('out of order', reordered),
    damage('bounced', bounced),
  ]
  const back = settledMs === undefined ? 'NOT SETTLED' : `settled in ${(settledMs / 1000).toFixed(1)} s`
  return `${mark} ${fault} (${seconds} s): ${sent} sent, ${acked} acked; ${parts.join(', ')}; resumed ${resumed}, new ${began}; ${back}${own}${kept}${[...notes, ...broken.map((one) => `✖ ${one}`)].map((one) => `\n    ${one}`).join('')}`
}

/** All faults as a table of Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const head = '| fault | s | sent | acked | lost | twice | out of order | bounced | resumed | new sessions |'
  const line = ({ fault, seconds, settled, findings }: Row): string => {
    if (findings.skipped !== undefined) return `| ${fault} | skipped |${' |'.repeat(8)}`
    const { sent, acked, lost, twice, reordered, bounced, resumed, began } = settled
    const both = ({ acked: one, unacked }: { acked: number; unacked: number }): string => `${one} / ${unacked}`
    const cells = [fault, seconds, sent, acked, both(lost), both(twice), both(reordered), both(bounced), resumed, began]
    return `| ${cells.join(' | ')} |`
  }
  const note = 'Damage: of acknowledged messages / of messages that were not acknowledged.'
  const skipped = rows.filter(({ findings }) => findings.skipped !== undefined).length
  const count = `${rows.length - skipped} happened, ${skipped} skipped.`
  const notes = rows.flatMap(({ fault, findings: { notes: own = [] } }) => own.map((one) => `${fault}: ${one}`))
  return [head, `|${'---|'.repeat(10)}`, ...rows.map(line), '', note, count, ...notes].join('\n')
}
