import { createHash, timingSafeEqual } from 'node:crypto'
import { type Problem, problem } from './problem.ts'

/** Who may use the admin API. */
export interface Guard {
  /** Empty: nobody may. */
  readonly token: string
  readonly allowRemote: boolean
}

/** What of a request the guard looks at. */
export interface Caller {
  readonly address: string | undefined
  readonly authorization: string | undefined
}

/** Why a caller is turned away; undefined lets it in. */
export function refusal(caller: Caller, guard: Guard): Problem | undefined {
  const away = strangerRefusal(caller, guard)
  if (away !== undefined) return away
  if (guard.token === '') {
    return problem(
      403,
      'No admin token is configured: set admin.token (STARLING_ADMIN_TOKEN or STARLING_ADMIN_TOKEN_FILE).',
    )
  }
  const given = /^Bearer +(\S+) *$/i.exec(caller.authorization ?? '')?.[1]
  if (given === undefined) return problem(401, 'Send the admin token: Authorization: Bearer TOKEN.')
  return isSame(given, guard.token) ? undefined : problem(401, 'This is not the admin token.')
}

/** Why a caller may not even read the API's description. */
export function strangerRefusal(caller: Caller, guard: Guard): Problem | undefined {
  if (guard.allowRemote || isLoopback(caller.address)) return undefined
  return problem(403, 'The admin API answers this machine only, unless admin.allowRemote is set.')
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  return mapped === '::1' || /^127\.\d+\.\d+\.\d+$/.test(mapped)
}

/** Compares without telling by its time how much was right. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
