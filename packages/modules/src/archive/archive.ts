import {
  answer,
  ask,
  defineModule,
  type Handler,
  pass,
  refuseStep,
  type Step,
  type StorageContext,
  stop,
} from '@starling/core'
import { isFull } from '@starling/jid'
import { ns, type Stanza } from '@starling/stanza'
import type { Element } from '@starling/xml'
import { always, errorOf, result } from '../shared/answers.ts'
import { isArchived, preferencesId } from '../shared/archive-rule.ts'
import { numberOption } from '../shared/options.ts'
import { fieldsElement, finElement, metadataElement, resultEffect } from './answers.ts'
import { type Query, readQuery } from './query.ts'

const id = 'XEP-0313'

/**
 * Keeps an account's conversations, and gives them back page by page.
 * Source: XEP-0313.
 */
export const archive = defineModule({
  spec: {
    id,
    name: 'Message Archive Management',
    version: '1.1.3',
    status: 'complete',
    note: 'archives of accounts; no groupchat in them, which rooms keep themselves',
  },
  name: 'archive',
  accountFeatures: [ns.mam, ns.mamExtended, ns.mamGroupchatField], // §7
  options: {
    pageDefault: {
      type: 'int',
      default: 50,
      min: 1,
      max: 1000,
      unit: 'messages',
      doc: 'Messages in a page of the archive when the client names no number.',
    },
    pageMax: {
      type: 'int',
      default: 250,
      min: 1,
      max: 1000,
      unit: 'messages',
      doc: 'Messages in a page of the archive at most, whatever the client asks for; also ids it may ask for at once.',
    },
  },
  iq: {
    'get self {urn:xmpp:mam:2}query': () => result(fieldsElement()), // §4.1.5
    'get account {urn:xmpp:mam:2}query': always('forbidden'), // §8.1
    'set account {urn:xmpp:mam:2}query': always('forbidden'),
    'get account {urn:xmpp:mam:2}metadata': always('forbidden'),
  },
  storedIq: {
    'set self {urn:xmpp:mam:2}query': query,
    'get self {urn:xmpp:mam:2}metadata': metadata,
  },
  readsArchive: ['set self {urn:xmpp:mam:2}query', 'get self {urn:xmpp:mam:2}metadata'],
  on: { 'archive.store': { guard: keep() } },
})

/** §6.1.1 */
function keep(): Handler<'archive.store'> {
  return (stanza, context) =>
    isArchived(stanza, context.account, context.isSentCopy, context.slice(preferencesId)) ? pass() : stop()
}

/** §4 */
function query(payload: Element, context: StorageContext, request: Stanza): Step {
  const pageMax = numberOption(context, id, 'pageMax')
  const pageDefault = numberOption(context, id, 'pageDefault')
  const read = readQuery(payload, context.account, { pageDefault, pageMax })
  if (!read.ok) return refuseStep(read.error)
  const { search, alsoNeeded } = read.value
  if ((search.ids?.length ?? 0) > pageMax) {
    return refuseStep(errorOf('policy-violation', `at most ${pageMax} ids may be asked for at once`))
  }
  if (alsoNeeded.length === 0) return page(read.value, context, request)
  return ask(
    'archive.page',
    { owner: search.owner, ids: alsoNeeded, direction: 'first', limit: alsoNeeded.length },
    (found) =>
      found.unknownId === undefined ? page(read.value, context, request) : refuseStep(errorOf('item-not-found')),
  )
}

function page(asked: Query, context: StorageContext, request: Stanza): Step {
  const { search, queryId, isFlipped } = asked
  const { from } = request
  if (from === '' || !isFull(from)) return refuseStep(errorOf('bad-request'))
  const isCounting = search.limit === 0 // XEP-0059 §2.7: no messages, yet whether there are any
  return ask('archive.page', isCounting ? { ...search, limit: 1 } : search, (found) => {
    if (found.unknownId !== undefined) return refuseStep(errorOf('item-not-found')) // §4.1.3, §4.3.2: MUST
    if (isCounting) return answer(finElement([], found.isComplete && found.rows.length === 0))
    const rows = isFlipped ? found.rows.toReversed() : found.rows // §4.3.4
    const effects = rows.map((row) => resultEffect(row, context.account, from, queryId))
    return answer(finElement(found.rows, found.isComplete), ...effects)
  })
}

/** §5 */
function metadata(_payload: Element, context: StorageContext): Step {
  return ask('archive.bounds', { owner: context.account }, (bounds) => answer(metadataElement(bounds)))
}
