import type { Hibernation, Io, Logger, Metrics, Module, Presence, StateSave } from '@starling/core'
import { createRegistry } from '@starling/core'
import type { BareJid } from '@starling/jid'

/** Session states in memory, with marks as the port has them. */
export interface FakePresence {
  readonly port: Presence
  readonly states: Map<string, { mark: number; fields: Map<string, Uint8Array> }>
  /** When hibernations end, by their names. */
  readonly hibernations: Map<string, number>
  /** Makes every call reject while true. */
  isDown: boolean
}

/** An in-memory presence port: only what the session stage calls. */
export function fakePresence(): FakePresence {
  const states: FakePresence['states'] = new Map()
  const hibernations: FakePresence['hibernations'] = new Map()
  const check = (): void => {
    if (fake.isDown) throw new Error('presence is down')
  }
  const save = ({ account, mark, set, remove }: StateSave): boolean => {
    const state = states.get(account) ?? { mark: -1, fields: new Map() }
    if (mark <= state.mark) return false
    const fields = new Map([...state.fields, ...set])
    for (const field of remove) fields.delete(field)
    states.set(account, { mark, fields })
    return true
  }
  const port = {
    readStates: async (_kind: string, accounts: readonly BareJid[]) => {
      check()
      return accounts.map((jid) => {
        const state = states.get(jid)
        return { mark: state?.mark ?? -1, fields: new Map(state?.fields ?? []) }
      })
    },
    saveStates: async (_kind: string, saves: readonly StateSave[]) => {
      check()
      return saves.map(save)
    },
    noteHibernations: async (noted: readonly Hibernation[]) => {
      check()
      for (const { name, endsAtMs } of noted) hibernations.set(name, endsAtMs)
    },
  } as unknown as Presence
  const fake: FakePresence = { port, states, hibernations, isDown: false }
  return fake
}

/** Limits a test may lower. */
export interface Limits {
  readonly maxResources?: number
  readonly maxRosterItems?: number
  readonly maxDirectedPresence?: number
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
  const { maxResources = 0, maxRosterItems = 100, maxDirectedPresence = 10 } = limits
  return {
    pod: 'test',
    domain: 'example.org' as BareJid,
    settings: { c2s: { maxResources }, session: { maxRosterItems, maxDirectedPresence } } as never,
    registry: createRegistry(modules, {}, { name: 'Starling', version: '0' }),
    presence,
    logger,
    metrics,
    clock: () => 0,
    monotonic: () => 0,
    random: (bytes) => new Uint8Array(bytes),
  }
}
