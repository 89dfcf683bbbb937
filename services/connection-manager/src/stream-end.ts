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
  error: StreamError & { readonly reason?: EndReason; readonly application?: string },
): Transition {
  const reason = error.reason ?? 'stream-error'
  return {
    state: { ...state, phase: { kind: 'ended' }, isOpened: true },
    effects: [
      ...opening(state, scene),
      { do: 'write', text: errorText(scene.transport, error) },
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
      ...opening(state, scene),
      { do: 'write', text: closeText(scene.transport) },
      { do: 'end', reason: 'closed' },
    ],
  }
}

/** Our header goes before an error that comes with the client's. Source: RFC 6120 §4.9.1.2; RFC 7395 §3.5. */
function opening(state: StreamState, scene: StreamScene): readonly StreamEffect[] {
  if (state.isOpened) return []
  return [
    {
      do: 'write',
      text: headerText(scene.transport, { from: state.domain ?? scene.domain, id: scene.streamId(), to: '' }),
    },
  ]
}
