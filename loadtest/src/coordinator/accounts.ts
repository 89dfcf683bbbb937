import { readFileSync } from 'node:fs'
import type { Accounts, Scenario } from '../scenario/scenario.ts'
import type { Target } from './target.ts'

/** Requests to the admin API that are under way at once. */
const atOnce = 8
const conflict = 409

/** What the accounts of a run really come from. */
export interface Provision {
  readonly accounts: Accounts
  /** Names and passwords of a CSV; empty otherwise. */
  readonly list: readonly (readonly [name: string, password: string])[]
  readonly note: string
}

/** Chooses: the admin API where its token is known, else registration where the server is open, else what is there. */
export function chooseAccounts(scenario: Scenario, target: Pick<Target, 'admin' | 'isOpen' | 'name'>): Provision {
  const { accounts } = scenario
  switch (accounts.by) {
    case 'csv':
      return { accounts, list: readCsv(readFileSync(accounts.file, 'utf8')), note: `accounts of ${accounts.file}` }
    case 'api': {
      if (target.admin !== undefined) return { accounts, list: [], note: 'accounts by the admin API' }
      const by = target.isOpen ? 'register' : 'existing'
      const note = target.isOpen
        ? 'accounts by in-band registration'
        : 'no admin API known (--admin-url, --admin-token): the accounts must exist'
      return { accounts: { ...accounts, by }, list: [], note }
    }
    case 'register':
      return { accounts, list: [], note: 'accounts by in-band registration' }
    case 'existing':
      return { accounts, list: [], note: 'accounts that exist' }
    default:
      return accounts satisfies never
  }
}

/** Reads `NAME,PASSWORD` lines; the name may be a whole address; a heading line is passed over. */
export function readCsv(text: string): readonly (readonly [string, string])[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const comma = line.indexOf(',')
    if (comma <= 0 || line.startsWith('#')) return []
    const unquote = (cell: string): string =>
      cell
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"')
    const name = unquote(line.slice(0, comma)).replace(/@.*$/, '')
    const password = unquote(line.slice(comma + 1))
    return /^(name|user|username|jid|localpart)$/i.test(name) ? [] : [[name, password] as const]
  })
}

/** Makes accounts by the admin API; those that are there stay. Errors: rejects with the API's refusal. */
export async function createByApi(
  names: readonly string[],
  options: {
    readonly domain: string
    readonly password: string
    readonly admin: { readonly url: string; readonly token: string }
  },
  onProgress: (done: number) => void,
): Promise<void> {
  const { domain, password, admin } = options
  let next = 0
  let done = 0
  const lane = async (): Promise<void> => {
    for (let name = names[next++]; name !== undefined; name = names[next++]) {
      const response = await fetch(`${admin.url}/api/accounts`, {
        method: 'POST',
        headers: { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ jid: `${name}@${domain}`, password }),
      })
      const text = await response.text()
      if (!response.ok && response.status !== conflict) {
        throw new Error(`the admin API does not make ${name}@${domain}: status ${response.status} ${text}`)
      }
      onProgress(++done)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
