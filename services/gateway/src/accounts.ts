import type { AskResult, QueryArgs, QueryCall, QueryName, QueryResult } from '@starling/core'
import { type BareJid, isFull, parseJid } from '@starling/jid'
import { deriveCredentials, encodeCredentials } from '@starling/sasl'
import { type Problem, problem } from './problem.ts'

/** What the accounts' endpoints work with. */
export interface AccountPorts {
  /** The first domain, for words. */
  readonly domain: BareJid
  readonly isServed: (domain: string) => boolean
  /** PBKDF2 rounds of a new password. */
  readonly iterations: number
  readonly random: (bytes: number) => Uint8Array
  readonly ask: (key: string, call: QueryCall, timeoutMs: number) => Promise<AskResult>
}

/** What an endpoint came to. */
export type Done<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Problem }

/** Time a question to storage may take. Units: ms. */
export const askTimeoutMs = 10_000

/** Passwords that may be worked on at once; more are refused with 503, since each costs milliseconds of CPU. Units: passwords. */
export const maxDerivations = 64

const saltBytes = 16

/** The accounts' endpoints without HTTP. */
export interface Accounts {
  readonly create: (jid: string, password: string) => Promise<Done<{ readonly jid: BareJid }>>
  readonly remove: (jid: string) => Promise<Done<undefined>>
  readonly setPassword: (jid: string, password: string) => Promise<Done<undefined>>
  readonly list: (after: string, limit: number) => Promise<Done<{ readonly jids: readonly BareJid[] }>>
}

/** Accounts as storage keeps them. Errors: every refusal is a Problem; nothing rejects. */
export function createAccounts(ports: AccountPorts): Accounts {
  let derivations = 0

  const ask = async <N extends QueryName>(key: string, query: N, args: QueryArgs<N>): Promise<Done<QueryResult<N>>> => {
    const call = { query, args } as unknown as QueryCall
    const result = await ports.ask(key, call, askTimeoutMs)
    if (result.ok) return { ok: true, value: result.value as QueryResult<N> }
    return refuse(503, sentences[result.error])
  }

  const credentialsOf = async (password: string): Promise<Done<string>> => {
    if (derivations >= maxDerivations)
      return refuse(503, 'Too many passwords are being worked on: try again in a moment.')
    derivations += 1
    try {
      const salt = ports.random(saltBytes)
      const derived = await deriveCredentials(password, { salt, iterations: ports.iterations })
      if (!derived.ok) return refuse(400, `The password cannot be used: ${derived.error.text}.`)
      return { ok: true, value: encodeCredentials(derived.value) }
    } finally {
      derivations -= 1
    }
  }

  return {
    create: async (text, password) => {
      const jid = accountJid(text, ports)
      if (!jid.ok) return jid
      const credentials = await credentialsOf(password)
      if (!credentials.ok) return credentials
      const made = await ask(jid.value, 'account.create', { jid: jid.value, credentials: credentials.value })
      if (!made.ok) return made
      return made.value.isCreated
        ? { ok: true, value: { jid: jid.value } }
        : refuse(409, `There is an account ${jid.value} already.`)
    },
    remove: async (text) => {
      const jid = accountJid(text, ports)
      if (!jid.ok) return jid
      const gone = await ask(jid.value, 'account.delete', { jid: jid.value })
      if (!gone.ok) return gone
      return gone.value.isFound ? { ok: true, value: undefined } : refuse(404, `There is no account ${jid.value}.`)
    },
    setPassword: async (text, password) => {
      const jid = accountJid(text, ports)
      if (!jid.ok) return jid
      const credentials = await credentialsOf(password)
      if (!credentials.ok) return credentials
      const set = await ask(jid.value, 'account.setCredentials', { jid: jid.value, credentials: credentials.value })
      if (!set.ok) return set
      return set.value.isFound ? { ok: true, value: undefined } : refuse(404, `There is no account ${jid.value}.`)
    },
    list: (after, limit) => ask(ports.domain, 'account.list', { after, limit }),
  }
}

const sentences: Readonly<Record<'timeout' | 'unavailable', string>> = {
  timeout: `Storage did not answer within ${askTimeoutMs / 1000} s; whether it did what was asked is unknown: look, then try again.`,
  unavailable: 'The log or the presence server cannot be reached: try again when /readyz says ready.',
}

/** The bare JID of an account of ours. */
function accountJid(text: string, { domain, isServed }: Pick<AccountPorts, 'domain' | 'isServed'>): Done<BareJid> {
  const parsed = parseJid(text)
  if (!parsed.ok) return refuse(400, `${quoted(text)} is no JID: ${parsed.error.text}.`)
  const jid = parsed.value
  if (isFull(jid)) return refuse(400, `${quoted(text)} names a resource: an account is LOCALPART@${domain}.`)
  const at = jid.indexOf('@')
  if (at < 0) return refuse(400, `${quoted(text)} has no localpart: an account is LOCALPART@${domain}.`)
  if (!isServed(jid.slice(at + 1)))
    return refuse(
      400,
      `${quoted(text)} is not of this server: its domain is ${domain}, further ones are in the setting domains.`,
    )
  return { ok: true, value: jid }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

function refuse(status: number, detail: string): { readonly ok: false; readonly error: Problem } {
  return { ok: false, error: problem(status, detail) }
}
