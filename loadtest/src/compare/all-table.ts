import { writeNumber } from '../scenario/quantities.ts'
import type { PieceFile } from './piece.ts'

/** A cell's figures, in their order; each is a median with its range. */
type Row = readonly [title: string, ...figures: readonly string[]]

const rows: readonly Row[] = [
  ['archived message at 500/s: CPU s for 1M; of it the database', 'archived.500.cpu', 'archived.500.database'],
  ['latency p50; p99 at that, ms', 'archived.500.p50', 'archived.500.p99'],
  ['archived, full load: CPU s for 1M; messages/s', 'archived.full.cpu', 'archived.full.rate'],
  ['archived, highest rate with p99 ≤ 200 ms and nothing lost, messages/s', 'highest-archived'],
  ['not archived at 500/s: CPU s for 1M', 'unarchived.500.cpu'],
  ['not archived, full load: CPU s for 1M; messages/s', 'unarchived.full.cpu', 'unarchived.full.rate'],
  ['not archived, highest rate with p99 ≤ 200 ms and nothing lost, messages/s', 'highest-unarchived'],
  ['presence to 20 contacts: CPU s for 1M deliveries', 'presence.cpu'],
  ['archive, pages of 50: CPU s for 1,000; walking, newest', 'pages.walking', 'pages.newest'],
  ['archive: pages/s; walking, newest', 'pages.walking.rate', 'pages.newest.rate'],
  ['memory for an idle session, KB: TCP; TLS', 'sessions-tcp.memoryKb', 'sessions-tls.memoryKb'],
  ['memory with nobody on, MB; CPU, % of a core', 'memoryAtStart', 'idle'],
  ['sign-in: CPU s for 1,000: TCP; TLS', 'sessions-tcp.signIn', 'sessions-tls.signIn'],
  ['the same of a server that has just started', 'sessions-tcp.first', 'sessions-tls.first'],
]

/** The whole comparison in Markdown: median (least–greatest) of the rounds; what was not measured is a dash. */
export function allTable(files: readonly PieceFile[], targets: readonly string[]): readonly string[] {
  const cell = (target: string, figure: string): string => {
    const values = files
      .filter((file) => file.target === target)
      .map(({ figures }) => figures[figure])
      .filter((value) => typeof value === 'number' && Number.isFinite(value)) as number[]
    return spread(values)
  }
  const line = ([title, ...figures]: Row): string =>
    `| ${title} | ${targets.map((target) => figures.map((figure) => cell(target, figure)).join('; ')).join(' | ')} |`
  const total = (target: string, read: (file: PieceFile) => number): number =>
    files.filter((file) => file.target === target).reduce((sum, file) => sum + read(file), 0)
  const whole = targets.map((target) => {
    return `${writeNumber(total(target, ({ wrong }) => wrong))} of ${writeNumber(total(target, ({ sent }) => sent))}`
  })
  const limited = targets.map(
    (target) => `${total(target, ({ invalid }) => invalid)} of ${total(target, ({ runs }) => runs)}`,
  )
  return [
    `| | ${targets.join(' | ')} |`,
    `|---${'|---'.repeat(targets.length)}|`,
    ...rows.map(line),
    `| messages lost, duplicated, reordered or bounced | ${whole.join(' | ')} |`,
    `| runs in which the generator was short of CPU | ${limited.join(' | ')} |`,
  ]
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const [least] = sorted
  const greatest = sorted.at(-1)
  if (least === undefined || greatest === undefined) return '–'
  const middle = (sorted.length - 1) / 2
  const median = ((sorted[Math.floor(middle)] ?? least) + (sorted[Math.ceil(middle)] ?? least)) / 2
  const range = sorted.length === 1 || least === greatest ? '' : ` (${writeNumber(least)}–${writeNumber(greatest)})`
  return `${writeNumber(median)}${range}`
}
