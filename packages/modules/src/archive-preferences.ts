import { defineModule, type IqAnswer, type SessionContext } from '@starling/core'
import { parseJid, type Result } from '@starling/jid'
import { ns, type StanzaError } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { always, errorOf, refused, result } from './shared/answers.ts'
import { type ArchivePreferences, initialPreferences, preferencesId, readPreferences } from './shared/archive-rule.ts'
import { numberOption } from './shared/options.ts'

/**
 * Lets an account say what its archive keeps.
 * Source: XEP-0441 §2.
 */
export const archivePreferences = defineModule({
  spec: {
    id: preferencesId,
    name: 'Message Archive Management Preferences',
    version: '0.2.0',
    status: 'partial',
    note: 'a default of `roster` is answered, and applied, as `always` (§2.1 lets the server say so)',
  },
  name: 'archivePreferences',
  options: {
    maxAddresses: {
      type: 'int',
      default: 500,
      min: 1,
      max: 10_000,
      unit: 'addresses',
      doc: 'How many addresses both lists may hold together; more are refused with resource-constraint.',
    },
  },
  accountSlice: initialPreferences,
  iq: {
    'get self {urn:xmpp:mam:2}prefs': (_payload, context) => result(prefs(readPreferences(context.accountSlice))),
    'set self {urn:xmpp:mam:2}prefs': set,
    'get account {urn:xmpp:mam:2}prefs': always('forbidden'),
    'set account {urn:xmpp:mam:2}prefs': always('forbidden'),
  },
})

function set(payload: Element, context: SessionContext): IqAnswer {
  const wish = payload.attrs['default'] ?? ''
  if (!['always', 'never', 'roster'].includes(wish)) return refused('bad-request', 'default is always, never or roster') // §2.1.1
  const always = readJids(payload.getChild('always', ns.mam))
  if (!always.ok) return always
  const never = readJids(payload.getChild('never', ns.mam))
  if (!never.ok) return never
  const max = numberOption(context, preferencesId, 'maxAddresses')
  if (always.value.length + never.value.length > max) {
    return refused('resource-constraint', `the lists may hold ${max} addresses`)
  }
  const applied: ArchivePreferences = {
    // §2.1: the answer tells what was applied; routing and storage know no rosters
    default: wish === 'never' ? 'never' : 'always',
    always: always.value,
    never: never.value,
  }
  return result(prefs(applied), { do: 'rememberAccount', slice: applied })
}

/** §2.1.2, §2.1.3: a list that is missing is an empty one. */
function readJids(list: Element | undefined): Result<readonly string[], StanzaError> {
  const jids = new Set<string>()
  for (const child of list?.getChildren('jid', ns.mam) ?? []) {
    const jid = parseJid(child.getText().trim())
    if (!jid.ok) return { ok: false, error: errorOf('jid-malformed') }
    jids.add(jid.value)
  }
  return { ok: true, value: [...jids] }
}

function prefs(preferences: ArchivePreferences): Element {
  const list = (name: 'always' | 'never'): Element =>
    xml(name, {}, ...preferences[name].map((jid) => xml('jid', {}, jid)))
  return xml('prefs', { xmlns: ns.mam, default: preferences.default }, list('always'), list('never'))
}
