import type { Input, Log, Output, Place, Produced } from '@starling/core'
import {
  type Cast,
  type Cause,
  causeIndex,
  causeSource,
  type Envelope,
  encodeEnvelope,
  type InboxName,
  inboxes,
  inboxNames,
  maxEmissions,
  partitionOf,
} from '@starling/wire'

/** Puts envelopes where their keys belong. */
export interface Publisher {
  /** Publishes what a stage's batch caused, each step durable before the next (see Work). Errors: rejects with LogError. */
  readonly publishWork: (stage: string, outputs: readonly Output[]) => Promise<void>
  /** Publishes one envelope without a cause (a pod's own). Errors: rejects with LogError. */
  readonly publish: (to: InboxName, envelope: Envelope) => Promise<Produced>
}

// Order of the steps: what storage holds, everybody else was told before (DESIGN R3; docs/route.md).
const steps: readonly (readonly InboxName[])[] = [['pod', 'routing'], ['session'], ['storage']]

/** A publisher on a log whose topics exist. Errors: rejects with LOG_NO_TOPIC when one does not. */
export async function createPublisher(log: Log): Promise<Publisher> {
  const counts = new Map<InboxName, number>()
  for (const name of inboxNames) counts.set(name, await log.partitions(inboxes[name].topic))
  const partition = (to: InboxName, key: string): number => partitionOf(key, counts.get(to) ?? 1)
  return {
    publish: async (to, envelope) => {
      if (envelope.kind === 'podDied') {
        // R7: a death stands in every partition
        const bytes = [encodeEnvelope(envelope)]
        const all = Array.from({ length: counts.get(to) ?? 1 }, (_, where) =>
          log.produce(inboxes[to].topic, where, bytes),
        )
        return (await Promise.all(all))[0] ?? { offset: -1 }
      }
      const where = to === 'pod' ? slotOf(envelope) : partition(to, envelope.key)
      return log.produce(inboxes[to].topic, where, [encodeEnvelope(envelope)])
    },
    publishWork: async (stage, outputs) => {
      if (outputs.length === 0) return
      const lanes = new Map<InboxName, Map<number, Uint8Array[]>>()
      const add = (to: InboxName, where: number, envelope: Envelope): void => {
        const partitions = found(lanes, to, () => new Map<number, Uint8Array[]>())
        found(partitions, where, () => []).push(encodeEnvelope(envelope))
      }
      forEachNumbered(stage, outputs, (to, envelope) => {
        if (to === 'pod') add(to, slotOf(envelope), envelope)
        else if (envelope.kind === 'cast') {
          for (const [where, piece] of spread(to, envelope, partition)) add(to, where, piece)
        } else add(to, partition(to, envelope.key), envelope)
      })
      for (const step of steps) {
        const sent = step.flatMap((to) =>
          [...(lanes.get(to) ?? [])].map(([where, envelopes]) => log.produce(inboxes[to].topic, where, envelopes)),
        )
        if (sent.length > 0) await Promise.all(sent)
      }
    },
  }
}

function found<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}

/** The slot of a pod's envelope. */
function slotOf(envelope: Envelope): number {
  switch (envelope.kind) {
    case 'output':
    case 'outputBundle':
      return envelope.slot
    case 'bound':
    case 'signal':
    case 'close':
    case 'answer':
      return envelope.target.slot
    default:
      throw new Error(`no pod takes an envelope of kind ${envelope.kind}`)
  }
}

/** A cast for the partition of each of its keys. */
function spread(
  to: InboxName,
  cast: Cast,
  partition: (to: InboxName, key: string) => number,
): readonly (readonly [number, Cast])[] {
  const keys = new Map<number, string[]>()
  for (const key of cast.keys) found(keys, partition(to, bareText(key)), () => []).push(key)
  return [...keys].map(([where, some]) => [where, { ...cast, keys: some }])
}

function bareText(jid: string): string {
  const slash = jid.indexOf('/')
  return slash < 0 ? jid : jid.slice(0, slash)
}

/** Stamps each output with its cause: the place of its input and its number among that input's outputs (R3). */
function forEachNumbered(
  stage: string,
  outputs: readonly Output[],
  use: (to: InboxName, envelope: Envelope) => void,
): void {
  const counts = new Map<Input, number>()
  for (const { cause: input, to, envelope, isQuestion, number } of outputs) {
    const count = number ?? counts.get(input) ?? 0
    counts.set(input, count + 1)
    if (count >= maxEmissions) throw new Error(`an input caused more than ${maxEmissions} outputs`)
    const cause = causeOf(stage, input.place, isQuestion === true ? maxEmissions : count)
    const { trace } = input.envelope
    use(to, trace === undefined ? { ...envelope, cause } : { ...envelope, cause, trace })
  }
}

function causeOf(stage: string, place: Place, emission: number): Cause {
  return {
    inbox: causeSource(place.inbox, stage),
    partition: place.partition,
    offset: place.offset,
    index: causeIndex(place.index, emission),
  }
}
