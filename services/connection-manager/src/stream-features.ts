import { offeredMechanisms } from '@starling/sasl'
import { ns } from '@starling/stanza'
import { serializeToString } from '@starling/xml'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState } from './stream-state.ts'
import { featuresText } from './stream-text.ts'

const channelBindingNamespace = 'urn:xmpp:sasl-cb:0' // XEP-0440

/** Whether STARTTLS may be offered now. Source: RFC 6120 §5.3.1; XEP-0368 §3 (never inside direct TLS). */
export function canStartTls(state: StreamState, scene: StreamScene): boolean {
  return scene.transport === 'tcp' && !state.isSecure
}

/** Whether the stream is as secure as the settings ask; WebSocket leaves TLS to what stands before it. */
export function isSecureEnough(state: StreamState, scene: StreamScene): boolean {
  return state.isSecure || !scene.isTlsRequired || scene.transport === 'websocket'
}

/** SASL mechanisms offered now, strongest first; none before a required STARTTLS. Source: RFC 6120 §6.3.4. */
export function mechanismsOf(state: StreamState, scene: StreamScene): readonly string[] {
  if (!isSecureEnough(state, scene)) return []
  return offeredMechanisms({ isSecure: state.isSecure, channelBindings: scene.channelBindings() })
}

/** The features of the stream as it stands. Source: RFC 6120 §4.3.2, §5.3.1, §6.3.1, §7.2; RFC 6121 §2.6.1, §3.4.1. */
export function streamFeatures(state: StreamState, scene: StreamScene, isAuthenticated: boolean): string {
  const parts: string[] = []
  if (isAuthenticated) {
    parts.push(`<bind xmlns='${ns.bind}'/>`, `<sm xmlns='${ns.sm}'/>`) // XEP-0198 §2
    // RFC 6121 §1.4: no session is established any more; old clients ask unless they are told that they need not
    parts.push(`<session xmlns='${ns.session}'><optional/></session>`)
    parts.push(`<ver xmlns='${ns.rosterVersion}'/>`, `<sub xmlns='${ns.preApproval}'/>`)
  } else {
    if (canStartTls(state, scene)) {
      parts.push(
        scene.isTlsRequired ? `<starttls xmlns='${ns.tls}'><required/></starttls>` : `<starttls xmlns='${ns.tls}'/>`,
      )
    }
    parts.push(saslFeature(state, scene))
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
      : `<sasl-channel-binding xmlns='${channelBindingNamespace}'>${bindings.join('')}</sasl-channel-binding>`
  return `<mechanisms xmlns='${ns.sasl}'>${list}</mechanisms>${types}`
}
