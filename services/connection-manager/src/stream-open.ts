import { type BareJid, bareOf, domainpartOf, normalizeDomainpart, parseJid } from '@starling/jid'
import type { StreamOpen } from '@starling/xml'
import { failWith } from './stream-end.ts'
import { streamFeatures } from './stream-features.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamState, Transition } from './stream-state.ts'
import { headerText } from './stream-text.ts'

const maxLangLength = 35 // RFC 5646 §4.4.1

/** Answers a stream header with ours and the features. Source: RFC 6120 §4.3, §4.7. */
export function openStream(state: StreamState, open: StreamOpen, scene: StreamScene): Transition {
  const signedIn = state.phase.kind === 'unopened' ? state.phase.signedIn : undefined
  const from = open.from === undefined ? undefined : parseJid(open.from)
  const named = open.to === undefined ? undefined : normalizeDomainpart(open.to)
  const domain = named?.ok === true && scene.isServed(named.value) ? (named.value as string as BareJid) : undefined
  const opened: StreamState = {
    ...state,
    ...(domain === undefined ? {} : { domain }),
    isOpened: true,
    lang: langOf(open.lang),
    from: from?.ok === true ? bareOf(from.value) : '',
  }
  const header = headerText(scene.transport, {
    from: domain ?? scene.domain,
    id: scene.streamId(),
    // RFC 6120 §4.7.2: `to` answers the `from` of the client's header
    to: from?.ok === true ? bareOf(from.value) : '',
  })
  const failed = (transition: Transition): Transition => ({
    ...transition,
    effects: [{ do: 'write', text: header }, ...transition.effects],
  })
  // RFC 6120 §4.9.3.6; a header without `to` names no domain either
  if (domain === undefined || (signedIn !== undefined && domainpartOf(signedIn.account) !== domain)) {
    return failed(failWith(opened, scene, ['host-unknown', 'this domain is not served here']))
  }
  // RFC 6120 §4.7.5: a header without version is that of 0.9
  if (!isVersionServed(open.version)) {
    return failed(failWith(opened, scene, ['unsupported-version', 'version 1.0 is spoken here']))
  }
  const refusal = scene.refusal()
  if (refusal !== undefined) return failed(failWith(opened, scene, [refusal, 'no new streams now']))
  if (open.from !== undefined && from?.ok !== true) {
    return failed(failWith(opened, scene, ['invalid-from', 'no address'])) // RFC 6120 §4.9.3.9
  }
  // XEP-0388 §2.1: SHOULD be told at once; nobody of another domain can sign in here
  if (from?.ok === true && domainpartOf(from.value) !== domain) {
    return failed(failWith(opened, scene, ['invalid-from', 'not an address of this domain']))
  }
  if (signedIn !== undefined && from?.ok === true && bareOf(from.value) !== signedIn.account) {
    // RFC 6120 §4.7.1, §4.9.3.9: who signed in speaks for nobody else
    return failed(failWith(opened, scene, ['invalid-from', 'not the address that signed in']))
  }
  return {
    state: { ...opened, phase: signedIn === undefined ? { kind: 'unauthenticated' } : authenticated(signedIn) },
    effects: [
      { do: 'write', text: header },
      { do: 'write', text: streamFeatures(opened, scene, signedIn === undefined ? 'connected' : 'authenticated') },
    ],
  }
}

function authenticated(signedIn: SignedIn): StreamState['phase'] {
  return { kind: 'authenticated', signedIn }
}

/** RFC 6120 §4.7.5: major and minor are separate integers; a higher version is answered with ours. */
function isVersionServed(version: string | undefined): boolean {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(version ?? '')
  return match !== null && Number(match[1]) >= 1
}

function langOf(lang: string | undefined): string {
  return lang !== undefined && lang.length <= maxLangLength && /^[A-Za-z0-9-]*$/.test(lang) ? lang : ''
}
