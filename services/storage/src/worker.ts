import type { Batch, Input, Output, StorageIo, Work, Worker } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { archiveRow, candidateOf } from './archive.ts'
import { runChains } from './chain.ts'
import { type ChainContext, chainOf, requestChain, sliceKind, slicesOf } from './chains.ts'
import { type Outputs, outputsOf } from './outputs.ts'
import { startRetention } from './retention.ts'

/** Storage at work: a statement a query and batch, whatever the number of records. */
export function createWorker(io: StorageIo): Worker {
  const { storage, registry, isServed, logger, metrics, settings } = io
  // A cluster reads bundles with this release and writes them with the next (docs/operations.md, Rolling upgrades)
  const isBundling = settings.log.brokers.length === 0
  const archived = metrics.counter('starling_archived_total', 'Messages archived, one a side')
  const questions = metrics.counter('starling_storage_chains_total', 'Requests, questions and writes handled', ['kind'])
  const bugs = metrics.counter('starling_storage_bugs_total', 'Requests whose handling threw')

  /** Archives the messages of routing's inbox, then answers the requests that stand among them. */
  const routed = async (batch: Batch, collected: ReadonlyMap<Input, Outputs>, context: ChainContext): Promise<void> => {
    const candidates = batch.inputs.flatMap((input) => candidateOf(input) ?? [])
    if (candidates.length > 0) {
      const owners = [...new Set(candidates.map(({ owner }) => owner))]
      const documents = await storage.run(
        'document.list',
        owners.map((owner) => ({ owner, kind: sliceKind })),
      )
      const slices = new Map(owners.map((owner, index) => [owner, slicesOf(documents[index] ?? [])]))
      const rows = candidates.flatMap(
        (one) => archiveRow(one, registry, { random: io.random, slices: slices.get(one.owner) ?? {} }) ?? [],
      )
      if (rows.length > 0) await storage.run('archive.add', rows)
      archived.add(rows.length)
    }
    const chains = batch.inputs.flatMap((input) => {
      const outputs = collected.get(input)
      if (input.envelope.kind !== 'request' || outputs === undefined) return []
      return [requestChain(input, input.envelope, outputs, context)]
    })
    await runChains(storage, chains)
  }

  const asked = async (batch: Batch, collected: ReadonlyMap<Input, Outputs>, context: ChainContext): Promise<void> => {
    const chains = batch.inputs.flatMap((input) => {
      const outputs = collected.get(input)
      const chain = outputs === undefined ? undefined : chainOf(input, outputs, context)
      if (chain === undefined) {
        logger.error({ what: 'storage.unexpected', kind: input.envelope.kind, place: input.place })
        return []
      }
      questions.add(1, { kind: input.envelope.kind })
      return [chain]
    })
    await runChains(storage, chains)
  }

  const reporter = (input: Input) => (error: unknown) => {
    bugs.add()
    logger.error({ what: 'storage.bug', kind: input.envelope.kind, place: input.place, error })
  }

  const work = async (batch: Batch): Promise<Work> => {
    const collected = new Map(
      batch.inputs.map((input) => [input, outputsOf(input, { isServed, isBundling, bug: reporter(input) })]),
    )
    const flushed = new Map<BareJid, Set<string>>()
    const maxOffline = settings.offline.maxStanzas
    const context: ChainContext = { registry, maxOffline, random: io.random, flushed }
    if (batch.inbox === 'routing') await routed(batch, collected, context)
    else await asked(batch, collected, context)
    const outputs: Output[] = [...collected.values()].flatMap(({ list }) => list)
    const removals = [...flushed].flatMap(([owner, ids]) => [...ids].map((id) => ({ owner, id })))
    if (removals.length === 0) return { outputs }
    return {
      outputs,
      // Forgotten only once routing's inbox holds them (R2); a repetition of the batch is dropped there by its cause (R3).
      save: async () => void (await storage.run('offline.remove', removals)),
    }
  }

  const stopRetention = startRetention(io)
  return { work, close: async () => stopRetention() }
}
