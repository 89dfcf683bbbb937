import { offeredMechanisms, offeredTokenMechanisms } from '@starling/sasl'
import type { StreamScene } from './stream-scene.ts'
import { isFramed, type StreamState } from './stream-state.ts'

/** Whether STARTTLS may be offered now. Source: RFC 6120 §5.3.1; XEP-0368 §3 (never inside direct TLS). */
export function canStartTls(state: StreamState, scene: StreamScene): boolean {
  return scene.transport === 'tcp' && !state.isSecure
}

/** Whether the stream is as secure as the settings ask; over HTTP that is left to what stands before it. */
export function isSecureEnough(state: StreamState, scene: StreamScene): boolean {
  return state.isSecure || !scene.isTlsRequired || isFramed(scene.transport)
}

/** SASL mechanisms offered now, strongest first; none before a required STARTTLS. Source: RFC 6120 §6.3.4. */
export function mechanismsOf(state: StreamState, scene: StreamScene): readonly string[] {
  if (!isSecureEnough(state, scene)) return []
  return offeredMechanisms({ isSecure: state.isSecure, channelBindings: scene.channelBindings() })
}

/**
 * Whether SASL2 is offered on this stream.
 * Source: XEP-0388 §3: after TLS alone; over HTTP that is left to what stands before it.
 */
export function isSasl2Offered(state: StreamState, scene: StreamScene): boolean {
  return scene.isSasl2On && (state.isSecure || isFramed(scene.transport))
}

/** Mechanisms of tokens offered now, strongest first. Source: XEP-0484 §3.1. */
export function tokenMechanismsOf(state: StreamState, scene: StreamScene): readonly string[] {
  if (!scene.areTokensOn || !isSasl2Offered(state, scene)) return []
  return offeredTokenMechanisms(scene.channelBindings())
}
