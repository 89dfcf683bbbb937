import { type Service, services } from './layout.ts'

/** What `npm run cluster` was asked to do. */
export type ClusterCommand =
  | {
      readonly do: 'up'
      readonly counts: Readonly<Record<Service, number>>
      readonly brokers: 1 | 3
      readonly isFresh: boolean
    }
  | { readonly do: 'down' | 'status' | 'help' }
  | { readonly do: 'start'; readonly name: string }

/** Pods of each service when nothing is said. */
export const defaultCounts: Readonly<Record<Service, number>> = {
  'connection-manager': 2,
  session: 2,
  routing: 2,
  storage: 1,
  gateway: 1,
}

/** Most pods of one service: ports are ten apart. */
export const maxPods = 50

/** How it is used. */
export const usage = `usage: npm run cluster -- up [--SERVICE PODS]… [--brokers 1|3] [--fresh]
       npm run cluster -- down | status | start NAME

SERVICE is one of ${services.join(', ')} (default ${services.map((name) => defaultCounts[name]).join(', ')} pods).
--fresh forgets what an earlier cluster kept. start brings one killed pod or server back under its name.
Settings are those of npm start (STARLING_CONFIG, STARLING_DOMAIN, STARLING_PORT_OFFSET…).`

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }

/** Reads the arguments. Errors: a sentence. */
export function readCluster(args: readonly string[]): Read<ClusterCommand> {
  const [verb, ...rest] = args
  switch (verb) {
    case undefined:
    case 'help':
    case '--help':
      return { ok: true, value: { do: 'help' } }
    case 'up':
      return readUp(rest)
    case 'down':
    case 'status':
      return rest.length === 0 ? { ok: true, value: { do: verb } } : bad(`${verb} takes no arguments`)
    case 'start': {
      const [name] = rest
      return name !== undefined && rest.length === 1
        ? { ok: true, value: { do: 'start', name } }
        : bad('start needs one name: see status')
    }
    default:
      return bad(`there is no command ${verb}`)
  }
}

function readUp(args: readonly string[]): Read<ClusterCommand> {
  const counts: Record<Service, number> = { ...defaultCounts }
  let brokers: 1 | 3 = 1
  let isFresh = false
  const words = args.flatMap((word) => (word.startsWith('--') && word.includes('=') ? word.split('=', 2) : [word]))
  while (words.length > 0) {
    const flag = words.shift() ?? ''
    if (flag === '--fresh') {
      isFresh = true
      continue
    }
    const value = Number(words.shift())
    const service = services.find((name) => flag === `--${name}`)
    if (service !== undefined) {
      if (!Number.isInteger(value) || value < 1 || value > maxPods)
        return bad(`${flag} needs a number, 1 to ${maxPods}`)
      counts[service] = value
    } else if (flag === '--brokers') {
      if (value !== 1 && value !== 3) return bad('--brokers needs 1 or 3')
      brokers = value
    } else return bad(`there is no flag ${flag}`)
  }
  return { ok: true, value: { do: 'up', counts, brokers, isFresh } }
}

function bad(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error }
}
