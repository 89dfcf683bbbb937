import { answer, ask, refuseStep, type Step } from '@starling/core'
import { type BareJid, localpartOf, normalizeLocalpart } from '@starling/jid'
import { deriveCredentials, encodeCredentials } from '@starling/sasl'
import { ns } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { errorOf } from '../shared/answers.ts'
import { isOption, numberOption } from '../shared/options.ts'

/** Module whose options say what is allowed. */
export const registrationId = 'XEP-0077'

/** Units: bytes. */
const saltBytes = 16

/** What storage and a pod know alike of a request. */
export type Asked = {
  readonly option: (moduleId: string, name: string) => number | boolean | string
  readonly random: (bytes: number) => Uint8Array
}

/** Name and password as they stand in a request; '' where they do not. */
export type Fields = { readonly username: string; readonly password: string }

/** Reads name and password. */
export function readFields(query: Element): Fields {
  return {
    username: query.getChildText('username', ns.register)?.trim() ?? '',
    password: query.getChildText('password', ns.register) ?? '',
  }
}

/** Credentials of a password, for storage; undefined for one that cannot be used. */
export async function credentialsOf(password: string, asked: Asked): Promise<string | undefined> {
  const iterations = numberOption(asked, registrationId, 'scramIterations')
  const derived = await deriveCredentials(password, { salt: asked.random(saltBytes), iterations })
  return derived.ok ? encodeCredentials(derived.value) : undefined
}

/** What an account that exists is told. Source: XEP-0077 §3.1 example 4; passwords are never told. */
export function registeredElement(account: BareJid): Element {
  return xml(
    'query',
    { xmlns: ns.register },
    xml('registered'),
    xml('username', {}, localpartOf(account)),
    xml('password'),
  )
}

/**
 * Changes the password of an account, or removes it.
 * Source: XEP-0077 §3.2, §3.3.
 */
export async function changeAccount(query: Element, account: BareJid, asked: Asked): Promise<Step> {
  // §3.2, §3.3: not-allowed where nobody may
  if (!isOption(asked, registrationId, 'selfService')) return refuseStep(errorOf('not-allowed'))
  if (query.getChild('remove', ns.register) !== undefined) {
    if (query.getChildElements().length > 1) return refuseStep(errorOf('bad-request', 'remove stands alone')) // §3.2
    return ask('account.delete', { jid: account }, ({ isFound }) =>
      isFound ? answer() : refuseStep(errorOf('registration-required')),
    )
  }
  const { username, password } = readFields(query)
  // §3.3: incomplete; an empty password changes nothing
  if (username === '' || password === '') return refuseStep(errorOf('bad-request', 'username and password are needed'))
  const localpart = normalizeLocalpart(username)
  if (!localpart.ok || localpart.value !== localpartOf(account)) {
    return refuseStep(errorOf('forbidden', 'the account of another'))
  }
  const credentials = await credentialsOf(password, asked)
  if (credentials === undefined) return refuseStep(errorOf('not-acceptable', 'the password cannot be used'))
  return ask('account.setCredentials', { jid: account, credentials }, ({ isFound }) =>
    isFound ? answer() : refuseStep(errorOf('registration-required')),
  )
}
