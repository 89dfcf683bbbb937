import type { AccountState, Batch, Input, Io, Output, Work, Worker } from '@starling/core'
import { type BareJid, bareOf, domainpartOf, type Jid } from '@starling/jid'
import { stanzaError } from '@starling/stanza'
import { changedFields, type RoutedAccount, type RoutedSession, readAccount } from './account.ts'
import { type DeliveryContext, deliver, deliverCast, sentCopy } from './deliver.ts'
import { type Outputs, outputsOf } from './outputs.ts'
import { changeState } from './state.ts'

/** An account while a batch is at work. */
interface Working {
  readonly mark: number
  readonly stored: RoutedAccount
  now: RoutedAccount
}

/** Routing at work: one read of states and leases a batch, everything between computed, one save (R3). */
export function createWorker(io: Io): Worker {
  const { presence, logger, metrics } = io
  const bugs = metrics.counter('starling_routing_bugs_total', 'Envelopes whose handling threw')
  const delivered = metrics.counter('starling_routing_outputs_total', 'Envelopes that routing published', ['to'])
  const isLocal = (jid: Jid): boolean => domainpartOf(jid) === io.domain

  const work = async (batch: Batch): Promise<Work> => {
    const names = accountsOf(batch.inputs)
    if (names.length === 0) return { outputs: [] }
    const states = await presence.readStates('routing', names)
    const accounts = new Map<string, Working>()
    for (const [index, name] of names.entries()) accounts.set(name, working(states[index]))
    const live = await presence.readSlots([...slotsOf(accounts.values(), batch.inputs)])
    const isLive = ({ target }: RoutedSession): boolean => live.get(target.slot) === target.epoch

    const outputs = batch.inputs.flatMap((input) => attempt(input, accounts, isLive))
    for (const { to } of outputs) delivered.add(1, { to })
    const saves = names.flatMap((account) => {
      const at = accounts.get(account)
      if (at === undefined || at.now === at.stored) return []
      return [{ account, mark: batch.lastOffset, ...changedFields(at.stored, at.now) }]
    })
    return saves.length === 0
      ? { outputs }
      : { outputs, save: async () => void (await presence.saveStates('routing', saves)) }
  }

  /** Handles one input. R10: a bug is caught here, once, counted and answered; the envelope changes nothing, others go on. */
  const attempt = (
    input: Input,
    accounts: ReadonlyMap<string, Working>,
    isLive: (session: RoutedSession) => boolean,
  ): readonly Output[] => {
    const outputs = outputsOf(input, isLocal)
    const before = keysOf(input).map((key) => ({ at: accounts.get(key), now: accounts.get(key)?.now }))
    try {
      handle(input, accounts, isLive, outputs)
      return outputs.list
    } catch (error) {
      bugs.add()
      logger.error({ what: 'routing.bug', kind: input.envelope.kind, place: input.place, error })
      for (const { at, now } of before) if (at !== undefined && now !== undefined) at.now = now
      const apology = outputsOf(input, isLocal)
      if (input.envelope.kind === 'deliver') apology.bounce(input.envelope.stanza, stanzaError('internal-server-error'))
      return apology.list
    }
  }

  const handle = (
    input: Input,
    accounts: ReadonlyMap<string, Working>,
    isLive: (session: RoutedSession) => boolean,
    outputs: Outputs,
  ): void => {
    const { envelope, place } = input
    const contextOf = (account: BareJid): DeliveryContext => ({
      registry: io.registry,
      domain: io.domain,
      account,
      state: onlyLive(accounts.get(account)?.now ?? nobody, isLive),
      place,
      atMs: envelope.atMs,
      outputs,
    })
    switch (envelope.kind) {
      case 'deliver':
        deliver(envelope.stanza, envelope.head ?? {}, contextOf(envelope.key as BareJid))
        return
      case 'sent':
        sentCopy(envelope.stanza, contextOf(envelope.key as BareJid))
        return
      case 'cast': {
        const receivers = envelope.keys.flatMap((key) =>
          deliverCast(envelope.stanza, key, contextOf(bareOf(key as Jid))),
        )
        outputs.writeAll(receivers, envelope.stanza.raw)
        return
      }
      case 'state': {
        const account = accounts.get(envelope.key)
        if (account === undefined) return
        account.now = changeState(envelope, account.now, place.offset <= account.mark, outputs)
        return
      }
      case 'request':
        return // storage reads this inbox too and answers
      default:
        logger.error({ what: 'routing.unexpected', kind: envelope.kind, place })
    }
  }

  return { work }
}

const nobody: RoutedAccount = { slices: {}, sessions: new Map() }

function working(state: AccountState | undefined): Working {
  const stored = state === undefined ? nobody : readAccount(state)
  return { mark: state?.mark ?? -1, stored, now: stored }
}

/** Sessions whose pod's lease runs: a dead pod's are dead at once (R7). */
function onlyLive(account: RoutedAccount, isLive: (session: RoutedSession) => boolean): RoutedAccount {
  const sessions = [...account.sessions]
  if (sessions.every(([, session]) => isLive(session))) return account
  return { ...account, sessions: new Map(sessions.filter(([, session]) => isLive(session))) }
}

/** The accounts an input concerns. */
function keysOf({ envelope }: Input): readonly BareJid[] {
  switch (envelope.kind) {
    case 'cast':
      return envelope.keys.map((key) => bareOf(key as Jid))
    case 'request':
      return []
    default:
      return [envelope.key as BareJid]
  }
}

function accountsOf(inputs: readonly Input[]): readonly BareJid[] {
  return [...new Set(inputs.flatMap(keysOf))]
}

/** Slots of the sessions there are, and of those that this batch binds. */
function slotsOf(accounts: Iterable<Working>, inputs: readonly Input[]): ReadonlySet<number> {
  const slots = new Set<number>()
  for (const { now } of accounts) for (const { target } of now.sessions.values()) slots.add(target.slot)
  for (const { envelope } of inputs) {
    if (envelope.kind === 'state' && envelope.head.change === 'bound') slots.add(envelope.head.target.slot)
  }
  return slots
}
