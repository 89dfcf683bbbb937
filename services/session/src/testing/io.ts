import type { Decision, Hibernation, Io, Logger, Metrics, Module, Presence, Proposal, StateSave } from '@starling/core'
import { createRegistry } from '@starling/core'
import type { BareJid } from '@starling/jid'

/** Session states in memory, with marks as the port has them. */
export interface FakePresence {
  readonly port: Presence
  readonly states: Map<string, { mark: number; fields: Map<string, Uint8Array>; decision?: Decision | undefined }>
  /** When hibernations end, by their names. */
  readonly hibernations: Map<string, number>
  /** Makes every call reject while true. */
  isDown: boolean
  /** Calls so far, by name. */
  readonly calls: Map<string, number>
}

/** An in-memory presence port: only what the session stage calls. */
export function fakePresence(): FakePresence {
  const states: FakePresence['states'] = new Map()
  const hibernations: FakePresence['hibernations'] = new Map()
  const calls: FakePresence['calls'] = new Map()
  const check = (name: string): void => {
    calls.set(name, (calls.get(name) ?? 0) + 1)
    if (fake.isDown) throw new Error('presence is down')
  }
  const stateOf = (account: string) => states.get(account) ?? { mark: -1, fields: new Map<string, Uint8Array>() }
  const save = ({ account, mark, set, remove, decision }: StateSave): boolean => {
    const state = stateOf(account)
    if (mark <= state.mark) return false
    const reach = state.decision?.until ?? -1
    if (reach > mark && reach > (decision?.until ?? -1)) return false
    const fields = new Map([...state.fields, ...set])
    for (const field of remove) fields.delete(field)
    states.set(account, { mark, fields, decision })
    return true
  }
  const decide = ({ account, mark, bytes, until }: Proposal): Decision | 'stale' => {
    const state = stateOf(account)
    if (state.mark !== mark) return 'stale'
    const { decision } = state
    if (decision !== undefined && decision.until >= until) return decision
    const decided = { bytes: decision?.bytes ?? bytes, until }
    states.set(account, { ...state, decision: decided })
    return decided
  }
  const port = {
    readStates: async (_kind: string, accounts: readonly BareJid[]) => {
      check('readStates')
      return accounts.map((jid) => {
        const { mark, fields, decision } = stateOf(jid)
        return { mark, fields: new Map(fields), decision }
      })
    },
    decideStates: async (_kind: string, proposals: readonly Proposal[]) => {
      check('decideStates')
      return proposals.map(decide)
    },
    saveStates: async (_kind: string, saves: readonly StateSave[]) => {
      check('saveStates')
      return saves.map(save)
    },
    noteHibernations: async (noted: readonly Hibernation[]) => {
      check('noteHibernations')
      for (const { name, endsAtMs } of noted) hibernations.set(name, endsAtMs)
    },
  } as unknown as Presence
  const fake: FakePresence = { port, states, hibernations, isDown: false, calls }
  return fake
}

/** Limits a test may lower. */
export interface Limits {
  readonly maxResources?: number
  readonly maxRosterItems?: number
  readonly maxDirectedPresence?: number
  readonly maxRosters?: number
}

/** What a worker is given in tests; `errors` collects what it logs. */
export function fakeIo(more: {
  readonly presence: Presence
  readonly modules?: readonly Module[]
  readonly limits?: Limits
  readonly errors?: unknown[]
}): Io {
  const { presence, modules = [], limits = {}, errors = [] } = more
  const nothing = (): void => {}
  const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: (event) => errors.push(event) }
  const metrics: Metrics = {
    counter: () => ({ add: nothing }),
    gauge: () => ({ set: nothing }),
    observed: nothing,
    histogram: () => ({ observe: nothing }),
  }
  const { maxResources = 0, maxRosterItems = 100, maxDirectedPresence = 10, maxRosters = 100 } = limits
  return {
    pod: 'test',
    domain: 'example.org' as BareJid,
    isServed: (domain: string) => domain === 'example.org',
    settings: { c2s: { maxResources }, session: { maxRosterItems, maxDirectedPresence, maxRosters } } as never,
    registry: createRegistry(modules, {}, { name: 'Starling', version: '0' }),
    presence,
    logger,
    metrics,
    clock: () => 0,
    monotonic: () => 0,
    random: (bytes) => new Uint8Array(bytes),
  }
}
