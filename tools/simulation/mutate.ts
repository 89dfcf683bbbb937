import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../run.ts'
import { type Edit, type Mutation, sourceMutations } from './mutations.ts'

/** What came of one mutation. */
export interface Verdict {
  readonly mutation: Mutation
  /** Seeds that ran until one failed, or in all. */
  readonly seeds: number
  /** What the first failing seed tells; undefined when none failed. */
  readonly caught: string | undefined
}

/** How mutations are tried. */
export interface MutationRun {
  /** Those whose name holds it; '' for all. */
  readonly only: string
  readonly first: number
  /** Seeds each mutation gets. */
  readonly seeds: number
  readonly jobs: number
  readonly tell: (verdict: Verdict) => void
}

/**
 * Takes one rule after another out of a copy of the source, and runs the simulation of that copy until a seed fails. The tree
 * itself is never touched. Errors: rejects when a mutation finds its place no more.
 */
export async function runMutations({ only, tell, ...run }: MutationRun): Promise<readonly Verdict[]> {
  const copy = mkdtempSync(join(tmpdir(), 'starling-mutations-'))
  const clean = (): void => rmSync(copy, { recursive: true, force: true })
  process.once('exit', clean)
  try {
    copyTree(copy)
    const verdicts: Verdict[] = []
    for (const mutation of sourceMutations.filter(({ name }) => name.includes(only))) {
      const before = apply(copy, mutation.edits)
      const verdict = { mutation, ...(await simulateIn(copy, run)) }
      for (const [file, text] of before) writeFileSync(file, text)
      tell(verdict)
      verdicts.push(verdict)
    }
    return verdicts
  } finally {
    process.off('exit', clean)
    clean()
  }
}

/** The text of a file with an edit made. Errors: throws when its place is not there exactly once. */
export function edited(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find)
  if (parts.length !== 2) throw new Error(`${file} has it ${parts.length - 1} times: ${find}`)
  return parts.join(replace)
}

/** Source and packages; the packages' own links lead into the copy, all else of node_modules to where it is. */
function copyTree(copy: string): void {
  const isSource = (path: string): boolean => !/\/(node_modules|dist|\.cache|\.run|\.turbo)$/.test(path)
  for (const folder of ['packages', 'services', 'tools', 'loadtest'])
    cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: isSource })
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(root, file), join(copy, file))
  const modules = join(copy, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@starling') symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  // Relative links, as npm makes them: copied they lead to the copy's own packages
  cpSync(join(root, 'node_modules/@starling'), join(modules, '@starling'), { recursive: true, verbatimSymlinks: true })
}

/** Edits files; returns what they were. */
function apply(copy: string, edits: readonly Edit[]): ReadonlyMap<string, string> {
  const before = new Map<string, string>()
  for (const edit of edits) {
    const file = join(copy, edit.file)
    const text = readFileSync(file, 'utf8')
    if (!before.has(file)) before.set(file, text)
    writeFileSync(file, edited(text, edit))
  }
  return before
}

async function simulateIn(
  copy: string,
  { first, seeds, jobs }: Pick<MutationRun, 'first' | 'seeds' | 'jobs'>,
): Promise<Pick<Verdict, 'seeds' | 'caught'>> {
  const options = ['--first', String(first), '--seeds', String(seeds), '--jobs', String(jobs), '--stop', '1']
  const args = ['--disable-warning=ExperimentalWarning', 'tools/simulation/main.ts', ...options]
  const child = spawn(process.execPath, args, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (text += data.toString('utf8')))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const ran = Number(/^(\d+) seeds, /m.exec(text)?.[1] ?? 0)
  const failure = /^✖ (seed \d+: .*)$/m.exec(text)?.[1]
  if (failure === undefined && code !== 0)
    throw new Error(`the simulation of the copy ended with ${code}: ${text.slice(-600)}`)
  return { seeds: ran, caught: failure }
}
