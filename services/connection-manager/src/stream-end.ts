import type { StreamCondition, StreamError } from '@starling/stanza'
import type { StreamScene } from './stream-scene.ts'
import type { EndReason, StreamEffect, StreamPhase, StreamState, Transition } from './stream-state.ts'
import { closeText, errorText, headerText } from './stream-text.ts'

/** Goes on in another phase. */
export function goTo(state: StreamState, phase: StreamPhase, ...effects: readonly StreamEffect[]): Transition {
  return { state: { ...state, phase }, effects }
}

/** Stays where it is. */
export function stay(state: StreamState, ...effects: readonly StreamEffect[]): Transition {
  return { state, effects }
}

/** Ends the stream with an error. Source: RFC 6120 §4.9. */
export function failStream(
  state: StreamState,
  scene: StreamScene,
  error: StreamError & { readonly reason?: EndReason },
): Transition {
  const reason = error.reason ?? 'stream-error'
  return {
    state: { ...state, phase: { kind: 'ended' }, isOpened: true },
    effects: [
      { do: 'write', text: openingText(state, scene) + errorText(scene.transport, error) },
      { do: 'write', text: closeText(scene.transport) }, // RFC 6120 §4.9.1.1: an error always closes the stream
      { do: 'end', reason, condition: error.condition },
    ],
  }
}

/** The same, from its parts. */
export function failWith(
  state: StreamState,
  scene: StreamScene,
  [condition, text]: readonly [StreamCondition, string],
): Transition {
  return failStream(state, scene, { condition, text })
}

/** Answers the end of the client's stream with the end of ours. Source: RFC 6120 §4.4. */
export function closeStream(state: StreamState, scene: StreamScene): Transition {
  return {
    state: { ...state, phase: { kind: 'ended' }, isOpened: true },
    effects: [
      { do: 'write', text: openingText(state, scene) + closeText(scene.transport) },
      { do: 'end', reason: 'closed' },
    ],
  }
}

/** RFC 6120 §4.9.1.2: before an error that comes with the client's header, our own header is still sent. */
function openingText(state: StreamState, scene: StreamScene): string {
  // RFC 7395 §3.5: over WebSocket an error stands in a message of its own; before <open/> there is no stream to speak in
  if (state.isOpened || scene.transport === 'websocket') return ''
  return headerText(scene.transport, { from: scene.domain, id: scene.streamId(), to: '' })
}
