import {
  type AccountState,
  type Batch,
  type Input,
  type Io,
  keptAtMark,
  type Output,
  type Work,
  type Worker,
} from '@starling/core'
import { type BareJid, bareOf, domainpartOf, type Jid } from '@starling/jid'
import { stanzaError } from '@starling/stanza'
import type { Target } from '@starling/wire'
import { accountReader, type RoutedAccount } from './account.ts'
import { audience, heldLimits } from './audience.ts'
import { type Deaths, deathsAccount, deathsSave, isDeadAt, readDeaths, withDeath } from './deaths.ts'
import { castParcel, castReceivers, type DeliveryContext, deliver, deliverBundle, sentCopy } from './deliver.ts'
import { type Outputs, outputsOf } from './outputs.ts'
import { type Queued, readQueued } from './queued.ts'
import { changeState } from './state.ts'
import { checkpoint, keep, type Reading, saveOf, type Working, working } from './working.ts'

/** A batch at work. */
interface Turn {
  readonly accounts: ReadonlyMap<string, Working>
  readonly queued: Queued
  deaths: Deaths
}

/**
 * Routing at work: one read of states a batch (and one of queues where a session is resumed or ends), everything between
 * computed from the log and these alone, one save (R3, R4).
 * Order: a record not above an account's mark is skipped for it: its effects were published before the mark was saved.
 */
export function createWorker(io: Io): Worker {
  const { presence, logger, metrics } = io
  const bugs = metrics.counter('starling_routing_bugs_total', 'Envelopes whose handling threw')
  const delivered = metrics.counter('starling_routing_outputs_total', 'Envelopes that routing published', ['to'])
  const queued = metrics.counter('starling_routing_queued_total', 'Deliveries kept until they are acknowledged')
  const lost = metrics.counter(
    'starling_routing_lost_entries_total',
    'Unacknowledged deliveries that presence had lost when their session ended',
  )
  const isLocal = (jid: Jid): boolean => io.isServed(domainpartOf(jid))
  const limits = heldLimits(io.settings)
  const reading: Reading = { decode: accountReader(), kept: keptAtMark<RoutedAccount>(maxKeptAccounts) }
  metrics.observed('starling_routing_kept_accounts', 'Accounts of several sessions in memory', reading.kept.size)

  const work = async (batch: Batch): Promise<Work> => {
    const names = accountsOf(batch.inputs)
    const isOfNobody = batch.inputs.every(({ envelope }) => envelope.kind === 'request')
    if (names.length === 0 && isOfNobody) return { outputs: [] }
    const [ofDeaths, ...states] = await presence.readStates('routing', [deathsAccount(batch.partition), ...names])
    const accounts = new Map(
      names.map((name, index): [string, Working] => [name, working(name, states[index], reading)]),
    )
    const before = readDeaths(ofDeaths ?? noState)
    const turn: Turn = { accounts, queued: await readQueued(batch.inputs, accounts, presence), deaths: before }

    const outputs = batch.inputs.flatMap((input) => attempt(input, turn))
    for (const { to } of outputs) delivered.add(1, { to })
    const mark = batch.lastOffset
    const firstOffset = batch.inputs[0]?.place.offset ?? mark
    const saves = [
      deathsSave(batch.partition, { before, after: turn.deaths, mark, firstOffset }) ?? [],
      ...[...accounts.values()].map((at) => saveOf(at, mark) ?? []),
    ].flat()
    if (saves.length === 0) return { outputs }
    lost.add([...accounts.values()].reduce((sum, at) => sum + at.lost, 0))
    queued.add([...accounts.values()].reduce((sum, { appended }) => sum + appended.length, 0))
    const trims = [...accounts.values()].flatMap(({ trimmed }) => trimmed)
    const changed = [...accounts.values()].filter(({ now, stored }) => now !== stored)
    return {
      outputs,
      save: async () => {
        await presence.saveStates('routing', saves)
        for (const at of changed) keep(at, mark, reading.kept)
        if (trims.length > 0) await presence.trimQueues(trims)
      },
    }
  }

  /** Handles one input. R10: a bug is caught here, once, counted and answered; the envelope changes nothing, others go on. */
  const attempt = (input: Input, turn: Turn): readonly Output[] => {
    const { envelope, place } = input
    const isDead = (target: Target): boolean => isDeadAt(turn.deaths, target, place)
    const outputs = outputsOf(input, { isLocal, isDead })
    const undo = keysOf(input).flatMap((key) => {
      const at = turn.accounts.get(key)
      return at === undefined ? [] : [checkpoint(at)]
    })
    try {
      handle(input, turn, isDead, outputs)
      return outputs.list
    } catch (error) {
      bugs.add()
      logger.error({ what: 'routing.bug', kind: envelope.kind, place, error })
      for (const back of undo) back()
      const apology = outputsOf(input, { isLocal, isDead })
      if (envelope.kind === 'deliver') apology.bounce(envelope.stanza, stanzaError('internal-server-error'))
      return apology.list
    }
  }

  const handle = (input: Input, turn: Turn, isDead: (target: Target) => boolean, outputs: Outputs): void => {
    const { envelope, place } = input
    const { atMs } = envelope
    /** The account, unless this record is saved for it already. */
    const open = (key: string): Working | undefined => {
      const at = turn.accounts.get(key)
      return at === undefined || place.offset <= at.mark ? undefined : at
    }
    const contextOf = (at: Working, isMessage: boolean): DeliveryContext => ({
      registry: io.registry,
      at,
      sessions: audience(at.now, { isMessage, isDead, limits }),
      isDead,
      place,
      atMs,
      outputs,
    })
    switch (envelope.kind) {
      case 'deliver': {
        const at = open(envelope.key)
        const { stanza, head = {} } = envelope
        if (at !== undefined) deliver(stanza, head, contextOf(at, stanza.kind === 'message'))
        return
      }
      case 'bundle': {
        const at = open(envelope.key)
        if (at !== undefined) deliverBundle(envelope, contextOf(at, true))
        return
      }
      case 'sent': {
        const at = open(envelope.key)
        if (at !== undefined) sentCopy(envelope.stanza, contextOf(at, true))
        return
      }
      case 'cast': {
        const { stanza } = envelope
        const receivers = envelope.keys.flatMap((key) => {
          const at = open(bareOf(key as Jid))
          return at === undefined ? [] : castReceivers(stanza, key, contextOf(at, stanza.kind === 'message'))
        })
        const parcel = castParcel(stanza, atMs)
        outputs.deliver(receivers, () => parcel)
        return
      }
      case 'state': {
        const at = open(envelope.key)
        if (at === undefined) return
        changeState(envelope, { at, place, queued: turn.queued, isDead, outputs, limits })
        return
      }
      case 'podDied': {
        const { slot, epoch } = envelope
        turn.deaths = withDeath(turn.deaths, { slot, epoch, at: place })
        return
      }
      case 'recount':
        // R11: behind all that was numbered before, since it goes the same way
        outputs.signal(envelope.target, { signal: 'recount' })
        return
      case 'request':
        return // storage reads this inbox too and answers
      default:
        logger.error({ what: 'routing.unexpected', kind: envelope.kind, place })
    }
  }

  return { work, assigned: reading.kept.forgetAll, revoked: reading.kept.forgetAll }
}

/** Accounts of several sessions that are kept in memory, at most. Units: accounts. */
const maxKeptAccounts = 10_000

const noState: AccountState = { mark: -1, fields: new Map() }

/** The accounts an input concerns. */
function keysOf({ envelope }: Input): readonly BareJid[] {
  switch (envelope.kind) {
    case 'cast':
      return envelope.keys.map((key) => bareOf(key as Jid))
    case 'request':
    case 'podDied':
    case 'recount':
      return []
    default:
      return [envelope.key as BareJid]
  }
}

function accountsOf(inputs: readonly Input[]): readonly BareJid[] {
  return [...new Set(inputs.flatMap(keysOf))]
}
