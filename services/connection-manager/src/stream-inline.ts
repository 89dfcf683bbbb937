import type { SignalHead } from '@starling/wire'
import { stay } from './stream-end.ts'
import type { StreamScene } from './stream-scene.ts'
import type { StreamEvent, StreamPhase, StreamState, Transition } from './stream-state.ts'

/** What a client asked for inside of its SASL2 sign-in, and what is known of the answer so far. Source: XEP-0388 §2.6. */
export interface InlineContext {
  readonly mechanism: string
}

type Held = Extract<StreamPhase, { readonly kind: 'binding' | 'resuming' }> & { readonly inline: InlineContext }

/** The session stage gave the resource that was asked for inside of a sign-in. */
export function inlineBound(
  state: StreamState,
  _event: Extract<StreamEvent, { readonly kind: 'bound' }>,
  _held: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  return stay(state)
}

/** The resource was refused. */
export function inlineRefused(
  state: StreamState,
  _raw: Uint8Array,
  _held: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  return stay(state)
}

/** News of stream management while the answer is being gathered: `enabled` after `bound`; `resumed` or `resumeRefused`. */
export function inlineSignal(
  state: StreamState,
  _head: SignalHead,
  _held: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  return stay(state)
}
