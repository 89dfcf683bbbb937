/** Where a server's admin API is. */
export interface AdminApi {
  readonly port: number
  readonly token: string
}

/** Users of every bench. */
export const benchUsers = {
  domain: 'localhost',
  password: 'of-the-bench',
  names: Array.from({ length: 50 }, (_, i) => `user${i}`),
} as const

/** Creates the users' accounts. Errors: rejects with the refusal. */
export async function createAccounts({ port, token }: AdminApi): Promise<void> {
  const { domain, password, names } = benchUsers
  for (const name of names) {
    const response = await fetch(`http://127.0.0.1:${port}/api/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ jid: `${name}@${domain}`, password }),
    })
    if (!response.ok) throw new Error(`creating ${name}: ${response.status} ${await response.text()}`)
  }
}
