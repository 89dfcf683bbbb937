import type { Input, Log, Output, Place, Produced } from '@starling/core'
import {
  type Cast,
  causeIndex,
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
  /** Publishes what a batch caused, each step durable before the next (see Work). Errors: rejects with LogError. */
  readonly publishWork: (outputs: readonly Output[]) => Promise<void>
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
    publish: (to, envelope) => {
      const where = to === 'pod' ? slotOf(envelope) : partition(to, envelope.key)
      return log.produce(inboxes[to].topic, where, [encodeEnvelope(envelope)])
    },
    publishWork: async (outputs) => {
      if (outputs.length === 0) return
      const numbered = numberEmissions(outputs)
      for (const step of steps) {
        const lanes = new Map<string, { to: InboxName; partition: number; envelopes: Uint8Array[] }>()
        for (const { output, envelope } of numbered) {
          if (!step.includes(output.to)) continue
          for (const [where, piece] of spread(output.to, envelope, partition)) {
            const lane = `${output.to} ${where}`
            const found = lanes.get(lane) ?? { to: output.to, partition: where, envelopes: [] }
            found.envelopes.push(encodeEnvelope(piece))
            lanes.set(lane, found)
          }
        }
        await Promise.all(
          [...lanes.values()].map((lane) => log.produce(inboxes[lane.to].topic, lane.partition, lane.envelopes)),
        )
      }
    },
  }
}

/** The slot of a pod's envelope. */
function slotOf(envelope: Envelope): number {
  switch (envelope.kind) {
    case 'output':
      return envelope.slot
    case 'bound':
    case 'close':
    case 'answer':
      return envelope.target.slot
    default:
      throw new Error(`no pod takes an envelope of kind ${envelope.kind}`)
  }
}

/** An envelope for each partition concerned: one, but for a cast, which goes to the partition of each of its keys. */
function spread(
  to: InboxName,
  envelope: Envelope,
  partition: (to: InboxName, key: string) => number,
): readonly (readonly [number, Envelope])[] {
  if (to === 'pod') return [[slotOf(envelope), envelope]]
  if (envelope.kind !== 'cast') return [[partition(to, envelope.key), envelope]]
  const keys = new Map<number, string[]>()
  for (const key of envelope.keys) {
    const where = partition(to, bareText(key))
    const some = keys.get(where)
    if (some === undefined) keys.set(where, [key])
    else some.push(key)
  }
  return [...keys].map(([where, some]) => [where, { ...envelope, keys: some } satisfies Cast])
}

function bareText(jid: string): string {
  const slash = jid.indexOf('/')
  return slash < 0 ? jid : jid.slice(0, slash)
}

/** Stamps each output with its cause: the place of its input and its number among that input's outputs (R3). */
function numberEmissions(outputs: readonly Output[]): readonly { output: Output; envelope: Envelope }[] {
  const counts = new Map<Input, number>()
  return outputs.map((output) => {
    const count = counts.get(output.cause) ?? 0
    counts.set(output.cause, count + 1)
    if (count >= maxEmissions) throw new Error(`an input caused more than ${maxEmissions} outputs`)
    const { place } = output.cause
    return {
      output,
      envelope: { ...output.envelope, cause: causeOf(place, output.isQuestion === true ? maxEmissions : count) },
    }
  })
}

function causeOf(place: Place, emission: number) {
  return {
    inbox: inboxes[place.inbox].number,
    partition: place.partition,
    offset: place.offset,
    index: causeIndex(place.index, emission),
  }
}
