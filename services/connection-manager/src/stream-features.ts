import { ns } from '@starling/stanza'
import { serializeToString } from '@starling/xml'
import { sasl2Feature } from './sasl2-feature.ts'
import { canStartTls, isSecureEnough, mechanismsOf } from './stream-offers.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState } from './stream-state.ts'
import { featuresText } from './stream-text.ts'

/** The features of the stream as it stands. Source: RFC 6120 §4.3.2, §5.3.1, §6.3.1, §7.2; RFC 6121 §2.6.1, §3.4.1. */
export function streamFeatures(
  state: StreamState,
  scene: StreamScene,
  reached: 'connected' | 'authenticated' | 'bound',
): string {
  const parts: string[] = []
  const isAuthenticated = reached !== 'connected'
  if (reached === 'authenticated') {
    parts.push(`<bind xmlns='${ns.bind}'/>`, `<sm xmlns='${ns.sm}'/>`) // XEP-0198 §2
    // RFC 6121 §1.4: no session is established any more; old clients ask unless they are told that they need not
    parts.push(`<session xmlns='${ns.session}'><optional/></session>`)
  }
  if (isAuthenticated) {
    parts.push(`<ver xmlns='${ns.rosterVersion}'/>`, `<sub xmlns='${ns.preApproval}'/>`)
  } else {
    if (canStartTls(state, scene)) {
      parts.push(
        scene.isTlsRequired ? `<starttls xmlns='${ns.tls}'><required/></starttls>` : `<starttls xmlns='${ns.tls}'/>`,
      )
    }
    parts.push(saslFeature(state, scene), sasl2Feature(state, scene))
  }
  if (isSecureEnough(state, scene)) {
    const stream = { isSecure: state.isSecure, isAuthenticated }
    for (const feature of scene.registry.streamFeatures(stream)) parts.push(serializeToString(feature))
  }
  return featuresText(scene.transport, parts.join(''))
}

function saslFeature(state: StreamState, scene: StreamScene): string {
  const mechanisms = mechanismsOf(state, scene)
  if (mechanisms.length === 0) return ''
  const list = mechanisms.map((mechanism) => `<mechanism>${mechanism}</mechanism>`).join('')
  const bindings = scene.channelBindings().map((type) => `<channel-binding type='${type}'/>`)
  // XEP-0440 §2: types are listed beside the mechanisms, so that clients need not guess
  const types =
    bindings.length === 0
      ? ''
      : `<sasl-channel-binding xmlns='${ns.channelBindings}'>${bindings.join('')}</sasl-channel-binding>`
  return `<mechanisms xmlns='${ns.sasl}'>${list}</mechanisms>${types}`
}
