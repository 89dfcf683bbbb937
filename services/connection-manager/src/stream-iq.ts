import type { PodIo, QueryCall, Step, StreamContext } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { errorReply, iqResult, type Stanza, stanzaError } from '@starling/stanza'
import { limits } from './limits.ts'
import type { StreamEffect } from './stream-state.ts'

const hourMs = 3_600_000

/** Who asks. */
export interface StreamAsker {
  readonly remoteAddress: string
  readonly addressKey: string
  readonly isSecure: boolean
  /** That of the stream. */
  readonly domain: BareJid
}

/** What became of a stream IQ. */
export interface StreamIqAnswer {
  readonly reply: Stanza
  /** Whether the account is gone with it, and so the session that answers travel by. */
  readonly isLast: boolean
}

/**
 * Runs an IQ that the pod itself answers (in-band registration, a new password): the module's chain of questions, each asked of storage.
 * Errors: every failure is a stanza error in the answer.
 */
export async function runStreamIq(
  io: PodIo,
  effect: Extract<StreamEffect, { readonly do: 'askStream' }>,
  asker: StreamAsker,
): Promise<StreamIqAnswer> {
  const { request } = effect
  let isLast = false
  const told = (reply: Stanza | undefined): StreamIqAnswer => ({ reply: reply ?? iqResult(request), isLast })
  const fail = (condition: Parameters<typeof stanzaError>[0], text: string): StreamIqAnswer =>
    told(errorReply(request, stanzaError(condition, { text })))
  try {
    const isRegistration = request.type === 'set' && effect.account === undefined
    if (isRegistration && !(await isAllowed(io, asker))) {
      return fail('resource-constraint', 'too many registrations from this address')
    }
    let step: Step = await effect.handler(effect.payload, contextOf(io, asker, effect.account))
    for (let count = 0; step.do === 'ask'; count++) {
      if (count >= limits.stepsPerStreamIq) return fail('internal-server-error', 'too many questions')
      const call = { query: step.query, args: step.args } as QueryCall
      const answered = await io.inbox.ask(keyOf(io, call), call, limits.askTimeoutMs)
      if (!answered.ok) return fail('resource-constraint', 'try again later')
      if (call.query === 'account.delete') isLast = (answered.value as { readonly isFound: boolean }).isFound
      step = await step.next(answered.value as never)
    }
    if (step.do === 'refuse') return told(errorReply(request, step.error))
    for (const { call } of (step.effects ?? []).filter((one) => one.do === 'write')) {
      await io.publish('storage', { kind: 'write', key: keyOf(io, call), head: call as never, atMs: io.clock() })
    }
    return told(iqResult(request, step.payload))
  } catch (error) {
    io.logger.error({ what: 'stream-iq-failed', error })
    return fail('internal-server-error', 'something went wrong')
  }
}

/** Whether the address may register once more; questions are free. */
async function isAllowed(io: PodIo, asker: StreamAsker): Promise<boolean> {
  const max = io.settings.registration.perAddressPerHour
  if (max === 0) return true
  return (await io.presence.addToCounter(`registrations:${asker.addressKey}`, 1, hourMs)) <= max
}

/** Whose storage partition answers: the account a question names, else the domain. */
function keyOf(io: PodIo, call: QueryCall): string {
  const { args } = call
  if ('jid' in args) return args.jid
  return 'owner' in args ? args.owner : io.domain
}

function contextOf(io: PodIo, asker: StreamAsker, account: BareJid | undefined): StreamContext {
  return {
    account,
    domain: asker.domain,
    isSecure: asker.isSecure,
    remoteAddress: asker.remoteAddress,
    nowMs: io.clock(),
    option: io.registry.option,
    random: io.random,
  }
}
