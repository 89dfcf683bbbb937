import { mutations } from './flaws.ts'
import type { PresenceLoss } from './world.ts'

/** What the command line asks for. */
export interface SimulationRequest {
  readonly first: number
  readonly seeds: number
  /** Prints every step of the one seed. */
  readonly isTraced: boolean
  /** Part of the clients that have stream management. */
  readonly managed: number | undefined
  /** Rules taken away, one after another. */
  readonly mutations: readonly string[]
  readonly jobs: number
  /** Failing seeds after which it ends; infinite without. */
  readonly stopAt: number
  /** What presence loses now and then (R11); nothing without. */
  readonly presenceLoss: PresenceLoss | undefined
  /** Mutations of the source to try, by a part of their name; undefined for none of this. */
  readonly source: string | undefined
}

const usage =
  'usage: npm run simulate -- [--seeds N] [--first SEED] [--seed SEED [--trace]] [--managed 0…1] [--redis back|empty] [--mutate NAME|all] [--mutations [NAME]] [--stop N] [--jobs N]'

/** Reads the command line. */
export function readCommandLine(
  args: readonly string[],
): { readonly ok: true; readonly value: SimulationRequest } | { readonly ok: false; readonly error: string } {
  let request: SimulationRequest = {
    first: 0,
    seeds: 1_000,
    isTraced: false,
    managed: undefined,
    presenceLoss: undefined,
    mutations: [],
    jobs: 2,
    stopAt: Number.POSITIVE_INFINITY,
    source: undefined,
  }
  for (let at = 0; at < args.length; at++) {
    const name = args[at] ?? ''
    const next = args[at + 1] ?? ''
    if (name === '--mutations') {
      const isNamed = next !== '' && !next.startsWith('--')
      request = { ...request, source: isNamed ? next : '' }
      if (isNamed) at++
      continue
    }
    const change = name === '--trace' ? { isTraced: true } : readOption(name, args[++at] ?? '')
    if (typeof change === 'string') return { ok: false, error: change }
    request = { ...request, ...change }
  }
  if (request.isTraced && request.seeds !== 1) return { ok: false, error: '--trace goes with --seed' }
  return { ok: true, value: request }
}

function readOption(name: string, text: string): Partial<SimulationRequest> | string {
  if (name === '--mutate') {
    const known = Object.keys(mutations)
    if (text !== 'all' && !known.includes(text)) return `--mutate takes all or one of ${known.join(', ')}`
    return { mutations: text === 'all' ? known : [text] }
  }
  if (name === '--redis') {
    return text === 'back' || text === 'empty' ? { presenceLoss: text } : '--redis takes back or empty'
  }
  const value = Number(text)
  if (text === '' || !Number.isFinite(value) || value < 0) return usage
  switch (name) {
    case '--seeds':
      return { seeds: value }
    case '--first':
      return { first: value }
    case '--seed':
      return { first: value, seeds: 1 }
    case '--managed':
      return { managed: value }
    case '--jobs':
      return { jobs: value }
    case '--stop':
      return { stopAt: value }
    default:
      return usage
  }
}
