import type { Batch, Hibernation, Input, Io, Output, StateSave, Work, Worker } from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import type { Account } from './account.ts'
import { changesOf, readAccount } from './account-codec.ts'
import { type Handled, handle } from './handle.ts'
import { sharesOf } from './inputs.ts'
import type { RosterView } from './roster.ts'
import type { Ports } from './turn.ts'

interface Entry {
  readonly before: Account
  readonly mark: number
  account: Account
  /** What the record at `rosterOffset` brought. */
  roster: RosterView | undefined
  rosterOffset: number
}

/** The session stage at work: reads the states of a batch's accounts, handles its inputs purely, saves what changed. */
export function createWorker(io: Io): Worker {
  const { presence, logger, metrics, settings } = io
  const inputs = metrics.counter(
    'starling_session_inputs_total',
    'Inputs of the session stage, by what became of them',
    ['kind', 'fate'],
  )
  const refused = metrics.counter('starling_session_refused_saves_total', 'States another owner had saved already')
  const ports: Ports = {
    domain: io.domain,
    registry: io.registry,
    limits: {
      maxResources: settings.c2s.maxResources,
      maxRosterItems: settings.session.maxRosterItems,
      maxDirectedPresence: settings.session.maxDirectedPresence,
    },
  }

  const watch = ({ place }: Input, kind: Envelope['kind'], { fate, bug }: Handled): void => {
    inputs.add(1, { kind, fate })
    if (fate === 'bug') logger.error({ what: 'session.bug', kind, place, error: bug })
    else if (fate === 'unexpected' || fate === 'unreadable') logger.error({ what: `session.${fate}`, kind, place })
  }

  const read = async (accounts: readonly BareJid[]): Promise<Map<BareJid, Entry>> => {
    const states = accounts.length === 0 ? [] : await presence.readStates('session', accounts)
    const entries = new Map<BareJid, Entry>()
    for (const [index, jid] of accounts.entries()) {
      const state = states[index] ?? { mark: -1, fields: new Map<string, Uint8Array>() }
      const before = readAccount(jid, state)
      entries.set(jid, { before, mark: state.mark, account: before, roster: undefined, rosterOffset: -1 })
    }
    return entries
  }

  const work = async (batch: Batch): Promise<Work> => {
    const shared = batch.inputs.map((input) => ({ input, shares: sharesOf(input) }))
    const concerned = new Set(shared.flatMap(({ shares }) => shares.map(({ account }) => account)))
    const entries = await read([...concerned])
    const outputs: Output[] = []
    const hibernations: Hibernation[] = []
    for (const { input, shares } of shared) {
      for (const { account, envelope } of shares) {
        const entry = entries.get(account)
        // R3: what the saved state contains already is not handled again
        if (entry === undefined || input.place.offset <= entry.mark) continue
        // R3: a roster serves the record that brought it and no later one. What an owner happens to remember decides nothing: the
        // next owner remembers nothing, and would ask where this one has spoken already.
        if (input.place.offset !== entry.rosterOffset) entry.roster = undefined
        const handled = handle(ports, entry, { place: input.place, envelope })
        entry.account = handled.account
        entry.roster = handled.roster
        entry.rosterOffset = input.place.offset
        if (handled.hibernations !== undefined) hibernations.push(...handled.hibernations)
        watch(input, envelope.kind, handled)
        for (const draft of handled.drafts) outputs.push({ cause: input, ...draft })
      }
    }
    return { outputs, save: () => save(batch, entries, hibernations) }
  }

  /** Order: what ends a hibernation is noted first, since a state once saved is not handled again (R3). */
  const save = async (
    { lastOffset }: Batch,
    entries: ReadonlyMap<BareJid, Entry>,
    hibernations: readonly Hibernation[],
  ): Promise<void> => {
    if (hibernations.length > 0) await presence.noteHibernations(hibernations)
    const saves: StateSave[] = []
    for (const { before, account } of entries.values()) {
      const change = changesOf(before, account, lastOffset)
      if (change !== undefined) saves.push(change)
    }
    const saved = saves.length === 0 ? [] : await presence.saveStates('session', saves)
    // another owner is ahead of us
    refused.add(saved.filter((isSaved) => !isSaved).length)
  }

  return { work }
}
