import type { FullJid } from '@starling/jid'
import { type StreamCondition, streamConditions } from '@starling/stanza'
import { type Envelope, type Output, type OutputBundle, unpackRecord } from '@starling/wire'
import { insertRootAttributes } from '@starling/xml'
import type { Pod } from './pod.ts'

/** Hands what came by the pod's inbox to its connections, in the log's order. */
export function receiveEnvelopes(pod: Pod, envelopes: readonly Envelope[]): void {
  // R7: a pod that stood still may find much here; its clients are elsewhere by now
  if (!pod.checkLease()) return
  for (const envelope of envelopes) {
    switch (envelope.kind) {
      case 'output':
        writeOutput(pod, envelope)
        break
      case 'outputBundle':
        writeBundle(pod, envelope)
        break
      case 'bound': {
        const connection = pod.connections.get(envelope.target.connection)
        const jid = envelope.head.jid as FullJid
        if (connection === undefined || connection.isEnded) pod.meters.strayOutputs.add()
        else connection.dispatch({ kind: 'bound', jid, raw: envelope.raw })
        break
      }
      case 'signal': {
        const connection = pod.connections.get(envelope.target.connection)
        const { head } = envelope
        if (connection === undefined || connection.isEnded) pod.meters.strayOutputs.add()
        else connection.dispatch({ kind: 'signal', head })
        if (head.signal === 'resumed' || head.signal === 'resumeRefused') {
          pod.meters.resumptions.add(1, { outcome: head.signal === 'resumed' ? 'resumed' : 'refused' })
        }
        break
      }
      case 'close': {
        const connection = pod.connections.get(envelope.target.connection)
        const { condition, text } = envelope.head
        if (connection === undefined || connection.isEnded) pod.meters.strayOutputs.add()
        else connection.fail({ condition: conditionOf(condition), ...(text === '' ? {} : { text }) }, 'ordered')
        break
      }
      default:
        // Kinds of other inboxes, or of a newer version: not for sockets.
        pod.meters.strayOutputs.add()
    }
  }
}

/** One payload, its `to` written for each recipient where it is shared. */
function writeOutput(pod: Pod, output: Output): void {
  const written = pod.io.tracing?.writing(output)
  if (written !== undefined) pod.flushes.after(written)
  for (const { connection: id, to, ordinal } of output.recipients) {
    const connection = pod.connections.get(id)
    if (connection === undefined || connection.isEnded) pod.meters.strayOutputs.add()
    else connection.deliver(to === '' ? output.raw : insertRootAttributes(output.raw, { to }), ordinal, output)
  }
}

/** Each stanza as an output of its own would be written: all were numbered at once. */
function writeBundle(pod: Pod, bundle: OutputBundle): void {
  const stanzas = unpackRecord(bundle.raw)
  if (!stanzas.ok) {
    pod.io.logger.error({ what: 'output-bundle.unreadable', fault: stanzas.error, cause: bundle.cause })
    return
  }
  for (const [index, raw] of stanzas.value.entries()) {
    const recipients = bundle.recipients.map((recipient) =>
      recipient.ordinal === undefined ? recipient : { ...recipient, ordinal: recipient.ordinal + index },
    )
    writeOutput(pod, { ...bundle, kind: 'output', recipients, raw })
  }
}

function conditionOf(text: string): StreamCondition {
  return streamConditions.find((condition) => condition === text) ?? 'undefined-condition'
}
