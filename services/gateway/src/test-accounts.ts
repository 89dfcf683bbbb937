import type { AskResult, LogEvent, Logger, QueryCall } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { createAccounts } from './accounts.ts'
import { createApi } from './api.ts'
import type { Guard } from './guard.ts'

/** A gateway over a storage that is a map, for tests. */
export interface TestGateway {
  readonly api: Awaited<ReturnType<typeof createApi>>
  readonly calls: readonly QueryCall[]
  readonly kept: Map<string, string>
  readonly events: readonly LogEvent[]
  /** What storage answers instead, once set. */
  answer: AskResult | undefined
}

/** The token of test gateways. */
export const testToken = 'a-token-of-the-tests'

/** Makes one. */
export async function testGateway(guard: Partial<Guard> = {}): Promise<TestGateway> {
  const kept = new Map<string, string>()
  const calls: QueryCall[] = []
  const events: LogEvent[] = []
  const keep = (event: LogEvent): void => void events.push(event)
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const answerOf = (call: QueryCall): AskResult => {
    switch (call.query) {
      case 'account.create': {
        const { jid, credentials } = call.args
        const isCreated = !kept.has(jid)
        if (isCreated) kept.set(jid, credentials)
        return { ok: true, value: { isCreated } }
      }
      case 'account.delete':
        return { ok: true, value: { isFound: kept.delete(call.args.jid) } }
      case 'account.setCredentials': {
        const { jid, credentials } = call.args
        const isFound = kept.has(jid)
        if (isFound) kept.set(jid, credentials)
        return { ok: true, value: { isFound } }
      }
      case 'account.list': {
        const { after, limit } = call.args
        return {
          ok: true,
          value: {
            jids: [...kept.keys()]
              .sort()
              .filter((jid) => jid > after)
              .slice(0, limit),
          },
        }
      }
      default:
        throw new Error(`the gateway has no business with ${call.query}`)
    }
  }
  const accounts = createAccounts({
    domain: 'localhost' as BareJid,
    isServed: (domain: string) => domain === 'localhost',
    iterations: 4096,
    random: (bytes) => new Uint8Array(bytes).fill(7),
    ask: async (_key, call) => {
      calls.push(call)
      return gateway.answer ?? answerOf(call)
    },
  })
  const gateway: TestGateway = {
    api: await createApi({
      accounts,
      guard: { token: testToken, allowRemote: false, ...guard },
      connections: (host) => [
        { rel: 'urn:xmpp:alt-connections:websocket', href: `wss://${host}/ws?x=1&y=2` },
        { rel: 'urn:xmpp:alt-connections:xbosh', href: 'https://a.example/bosh' },
      ],
      version: '0',
      logger,
    }),
    calls,
    kept,
    events,
    answer: undefined,
  }
  return gateway
}
