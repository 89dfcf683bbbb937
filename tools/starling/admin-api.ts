import type { Command } from './command-line.ts'
import type { Found } from './find-server.ts'

/** What came of a command: lines to print, or a sentence. */
export type Outcome =
  | { readonly ok: true; readonly value: readonly string[] }
  | { readonly ok: false; readonly error: string }

const page = 1_000
const timeoutMs = 30_000

/** Does a command through the admin API. */
export async function perform(command: Exclude<Command, { do: 'help' }>, server: Found): Promise<Outcome> {
  switch (command.do) {
    case 'create': {
      const { jid, password } = command
      const done = await call(server, { method: 'POST', path: '/api/accounts', body: { jid, password } })
      return done.ok ? { ok: true, value: [`created ${(done.value as { jid: string }).jid}`] } : done
    }
    case 'password': {
      const path = `/api/accounts/${encodeURIComponent(command.jid)}/password`
      const done = await call(server, { method: 'PUT', path, body: { password: command.password } })
      return done.ok ? { ok: true, value: [`changed the password of ${command.jid}`] } : done
    }
    case 'delete': {
      const done = await call(server, { method: 'DELETE', path: `/api/accounts/${encodeURIComponent(command.jid)}` })
      return done.ok ? { ok: true, value: [`deleted ${command.jid}`] } : done
    }
    case 'list':
      return list(server)
    default:
      return command satisfies never
  }
}

async function list(server: Found): Promise<Outcome> {
  const all: string[] = []
  for (;;) {
    const after = encodeURIComponent(all.at(-1) ?? '')
    const done = await call(server, { method: 'GET', path: `/api/accounts?limit=${page}&after=${after}` })
    if (!done.ok) return done
    const { jids } = done.value as { jids: readonly string[] }
    all.push(...jids)
    if (jids.length < page) return { ok: true, value: all }
  }
}

async function call(
  server: Found,
  request: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<{ readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string }> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
  try {
    const response = await fetch(server.url + request.path, {
      method: request.method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(request.body === undefined
        ? { headers: { authorization: headers.authorization } }
        : { headers, body: JSON.stringify(request.body) }),
    })
    const text = await response.text()
    const value: unknown = text === '' ? undefined : JSON.parse(text)
    if (response.ok) return { ok: true, value }
    return { ok: false, error: (value as { detail?: string } | undefined)?.detail ?? `HTTP status ${response.status}` }
  } catch (error) {
    const { message, cause } = error as Error
    const why = cause instanceof Error ? cause.message : message
    return { ok: false, error: `the server at ${server.url} does not answer: ${why}` }
  }
}
