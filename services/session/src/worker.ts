import {
  type Batch,
  type Hibernation,
  type Input,
  type Io,
  keptAtMark,
  type Output,
  type Work,
  type Worker,
} from '@starling/core'
import type { BareJid } from '@starling/jid'
import type { Envelope } from '@starling/wire'
import type { Account } from './account.ts'
import { accountReader } from './account-codec.ts'
import { assertOvertaken, type DecisionPorts, decide, saveOf } from './decisions.ts'
import { advance, type Entry, entryOf, keep, type Reading, rewind } from './entry.ts'
import { type Handled, handle } from './handle.ts'
import { type Share, sharesOf } from './inputs.ts'
import { rosterCache } from './roster-cache.ts'
import { rosterCodec } from './roster-codec.ts'
import type { Ports } from './turn.ts'

type Entries = ReadonlyMap<BareJid, Entry>

interface Shared {
  readonly input: Input
  readonly shares: readonly Share[]
}

/** What handling a batch came to. */
interface Outcome {
  readonly outputs: readonly Output[]
  readonly hibernations: readonly Hibernation[]
  readonly fates: readonly { readonly input: Input; readonly kind: Envelope['kind']; readonly handled: Handled }[]
}

/**
 * How long pods may take to tell of their sessions again after presence forgot them; what connections send meanwhile that nobody knows
 * is taken (R11). Units: ms, by the times in the log.
 */
const reassertionMs = 120_000
/** Accounts of several sessions that are kept in memory, at most. Units: accounts. */
const maxKeptAccounts = 10_000

/** The session stage at work: reads the states of a batch's accounts, handles its inputs purely, saves what changed. */
export function createWorker(io: Io): Worker {
  const { presence, logger, metrics, settings } = io
  const inputs = metrics.counter(
    'starling_session_inputs_total',
    'Inputs of the session stage, by what became of them',
    ['kind', 'fate'],
  )
  const refused = metrics.counter('starling_session_refused_saves_total', 'States another owner had saved already')
  const adopted = metrics.counter(
    'starling_session_adopted_batches_total',
    'Batches computed again, with the rosters of an owner that worked them before',
  )
  const evicted = metrics.counter('starling_session_evicted_rosters_total', 'Rosters that had to leave memory')
  const rosters = rosterCache(settings.session.maxRosters, () => evicted.add())
  metrics.observed('starling_session_rosters', 'Rosters in memory', rosters.size)
  const codec = rosterCodec()
  const reading: Reading = { decode: accountReader(), kept: keptAtMark<Account>(maxKeptAccounts) }
  metrics.observed('starling_session_kept_accounts', 'Accounts of several sessions in memory', reading.kept.size)
  const deciding: DecisionPorts = { presence, codec }
  const ports: Ports = {
    isServed: io.isServed,
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

  const read = async (accounts: readonly BareJid[]): Promise<Entries> => {
    const states = accounts.length === 0 ? [] : await presence.readStates('session', accounts)
    const entries = new Map<BareJid, Entry>()
    for (const [index, jid] of accounts.entries()) {
      const state = states[index] ?? { mark: -1, fields: new Map<string, Uint8Array>() }
      // R3: what was decided comes before what is remembered
      const { decision, mark } = state
      const first = decision === undefined ? rosters.get(jid, mark) : codec.decode(decision.bytes)
      entries.set(jid, entryOf(jid, state, reading, first))
    }
    return entries
  }

  const compute = (batch: readonly Shared[], entries: Entries, forgotAtMs: number): Outcome => {
    for (const entry of entries.values()) rewind(entry)
    const outcome = { outputs: [] as Output[], hibernations: [] as Hibernation[] }
    const fates: Outcome['fates'][number][] = []
    const trustedFromMs = forgotAtMs === 0 ? 0 : forgotAtMs + reassertionMs
    for (const { input, shares } of batch) {
      for (const { account, envelope } of shares) {
        const entry = entries.get(account)
        // R3: what the saved state contains already is not handled again
        if (entry === undefined || input.place.offset <= entry.mark) continue
        const handled = handle(ports, entry, {
          place: input.place,
          envelope,
          isForgetful: envelope.atMs < trustedFromMs,
        })
        advance(entry, input.place.offset, handled)
        fates.push({ input, kind: envelope.kind, handled })
        if (handled.hibernations !== undefined) outcome.hibernations.push(...handled.hibernations)
        for (const draft of handled.drafts) outcome.outputs.push({ cause: input, ...draft })
      }
    }
    return { ...outcome, fates }
  }

  /** Order: decided before anything is published (R3). */
  const work = async (batch: Batch): Promise<Work> => {
    const shared = batch.inputs.map((input) => ({ input, shares: sharesOf(input) }))
    const concerned = new Set(shared.flatMap(({ shares }) => shares.map(({ account }) => account)))
    const entries = await read([...concerned])
    const { forgotAtMs = 0 } = batch
    let outcome = compute(shared, entries, forgotAtMs)
    if (await decide(deciding, entries)) {
      adopted.add()
      outcome = compute(shared, entries, forgotAtMs)
    }
    const { outputs, hibernations, fates } = outcome
    for (const { input, kind, handled } of fates) watch(input, kind, handled)
    return { outputs, save: () => save(batch, entries, hibernations) }
  }

  /**
   * Order: what ends a hibernation is noted first, since a state once saved is not handled again (R3); memory follows only once the
   * batch is durable.
   */
  const save = async (
    { partition, lastOffset: mark }: Batch,
    entries: Entries,
    hibernations: readonly Hibernation[],
  ): Promise<void> => {
    if (hibernations.length > 0) await presence.noteHibernations(hibernations)
    const saves = [...entries.values()].flatMap((entry) => saveOf(entry, mark, codec) ?? [])
    const areSaved = saves.length === 0 ? [] : await presence.saveStates('session', saves)
    for (const [index, { account }] of saves.entries()) {
      const entry = entries.get(account)
      const roster = entry?.roster
      if (areSaved[index] === true && entry !== undefined) keep(entry, mark, reading.kept)
      if (areSaved[index] === true && roster !== undefined) rosters.put(account, { partition, mark, roster })
      else rosters.forget(account)
    }
    const late = saves.filter((_, index) => areSaved[index] !== true)
    refused.add(late.length)
    await assertOvertaken(presence, late)
  }

  const forget = (_inbox: string, partition: number): void => {
    rosters.forgetPartition(partition)
    reading.kept.forgetAll()
  }
  return { work, assigned: forget, revoked: forget }
}
