import { ns } from '@starling/stanza'
import { bind2Feature } from './stream-bind2.ts'
import { isSasl2Offered, mechanismsOf, tokenMechanismsOf } from './stream-offers.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamState } from './stream-state.ts'

/** The feature of SASL2; '' where it is not offered. Source: XEP-0388 §2.1; XEP-0386 §3.1; XEP-0198 §9; XEP-0484 §3.1. */
export function sasl2Feature(state: StreamState, scene: StreamScene): string {
  const mechanisms = isSasl2Offered(state, scene) ? mechanismsOf(state, scene) : []
  if (mechanisms.length === 0) return '' // XEP-0388 §2.1: MUST NOT be offered without a mechanism
  const tokens = tokenMechanismsOf(state, scene)
  const fast = tokens.length === 0 ? '' : `<fast xmlns='${ns.fast}'>${listOf(tokens)}</fast>`
  const inline = `<inline>${bind2Feature(scene)}<sm xmlns='${ns.sm}'/>${fast}</inline>`
  return `<authentication xmlns='${ns.sasl2}'>${listOf(mechanisms)}${inline}</authentication>`
}

function listOf(mechanisms: readonly string[]): string {
  return mechanisms.map((mechanism) => `<mechanism>${mechanism}</mechanism>`).join('')
}
