import { answer, ask, defineModule, refuseStep, type Step, type StreamContext } from '@starling/core'
import { bareJid, normalizeLocalpart } from '@starling/jid'
import { ns } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { errorOf } from '../shared/answers.ts'
import { isOption } from '../shared/options.ts'
import { changeAccount, credentialsOf, readFields, registeredElement, registrationId } from './account-request.ts'

/**
 * Makes accounts before authentication where that is allowed, and lets an account change its password or end.
 * Source: XEP-0077 §3, §8.
 */
export const registration = defineModule({
  spec: {
    id: registrationId,
    name: 'In-Band Registration',
    version: '2.4',
    status: 'complete',
    note: 'off by default; password change and removal are on',
  },
  name: 'registration',
  features: [ns.register], // §10
  options: {
    inBand: { type: 'bool', default: false, doc: 'Whether strangers may make accounts over a stream.' },
    selfService: {
      type: 'bool',
      default: true,
      doc: 'Whether an account may change its password and remove itself over its stream.',
    },
    scramIterations: {
      type: 'int',
      default: 10_000,
      min: 4096,
      max: 1_000_000,
      unit: 'iterations',
      doc: 'Rounds of hashing for the stored keys of new passwords.',
    },
  },
  // Asked of the pod, before sign-in and after, so that no password travels in the log
  streamIq: {
    'get {jabber:iq:register}query': getOnStream,
    'set {jabber:iq:register}query': setOnStream,
  },
  // §8, §11: not before the stream is safe
  streamFeatures: ({ isSecure, isAuthenticated, option }) =>
    isSecure && !isAuthenticated && option('inBand') === true ? [xml('register', { xmlns: ns.registerFeature })] : [],
})

function getOnStream(_query: Element, context: StreamContext): Step {
  if (context.account !== undefined) return answer(registeredElement(context.account))
  const closed = whyClosed(context)
  if (closed !== undefined) return closed
  return answer(
    xml(
      'query',
      { xmlns: ns.register },
      xml('instructions', {}, 'Choose a username and a password.'),
      xml('username'),
      xml('password'),
    ),
  )
}

async function setOnStream(query: Element, context: StreamContext): Promise<Step> {
  if (context.account !== undefined) {
    // §3.3: not-authorized where the channel is not safe enough
    if (!context.isSecure) return refuseStep(errorOf('not-authorized', 'not without TLS'))
    return changeAccount(query, context.account, context)
  }
  const closed = whyClosed(context)
  if (closed !== undefined) return closed
  if (query.getChild('remove', ns.register) !== undefined) return refuseStep(errorOf('unexpected-request')) // §3.2
  const { username, password } = readFields(query)
  const localpart = normalizeLocalpart(username)
  // §3.1: what is missing or empty is not acceptable
  if (!localpart.ok || password === '') return refuseStep(errorOf('not-acceptable', 'username and password are needed'))
  const credentials = await credentialsOf(password, context)
  if (credentials === undefined) return refuseStep(errorOf('not-acceptable', 'the password cannot be used'))
  const jid = bareJid(localpart.value, context.domain)
  return ask(
    'account.create',
    { jid, credentials },
    ({ isCreated }) => (isCreated ? answer() : refuseStep(errorOf('conflict', 'the username is taken'))), // §3.1 example 7
  )
}

/** Why nobody can register on this stream; undefined when they can. */
function whyClosed(context: StreamContext): Step | undefined {
  if (!isOption(context, registrationId, 'inBand')) return refuseStep(errorOf('service-unavailable')) // §3.1: MUST
  return context.isSecure ? undefined : refuseStep(errorOf('not-authorized', 'not without TLS')) // §11
}
