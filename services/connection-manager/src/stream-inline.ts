import type { FullJid } from '@starling/jid'
import type { SignalHead } from '@starling/wire'
import type { Sasl2Request } from './sasl2-request.ts'
import { type IssuedToken, successText } from './sasl2-text.ts'
import { enabledText, failedText, readResume, resumedPhase, resumedText } from './sm-text.ts'
import { bindEffect, boundText } from './stream-bind2.ts'
import { failStream, goTo, stay } from './stream-end.ts'
import { streamFeatures } from './stream-features.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamEffect, StreamEvent, StreamPhase, StreamState, Transition } from './stream-state.ts'

/** What a client asked for inside of its SASL2 sign-in, and what is known of the answer so far. Source: XEP-0388 §2.6. */
export interface InlineContext {
  readonly mechanism: string
  readonly request: Sasl2Request
  /** What the mechanism says with its success. */
  readonly data?: Uint8Array | undefined
  /** A new token. Source: XEP-0484 §3.3. */
  readonly issued?: IssuedToken | undefined
  /** `<failed/>` of a resumption, as text. Source: XEP-0198 §9.2.1. */
  readonly failed?: string
  /** The resource that was given, while stream management is not on yet. */
  readonly jid?: FullJid
}

type Held = Extract<StreamPhase, { readonly kind: 'binding' | 'resuming' }> & { readonly inline: InlineContext }
type Resumed = Extract<SignalHead, { readonly signal: 'resumed' }>

/** The client proved who it is: what it asked for inside is done before it is told. Source: XEP-0388 §2.6.1. */
export function beginInline(
  state: StreamState,
  { scene, signedIn }: { readonly scene: StreamScene; readonly signedIn: SignedIn },
  inline: InlineContext,
): Transition {
  const { resume } = inline.request
  const signed = { do: 'signedIn', mechanism: inline.mechanism } as const
  const proven: StreamState = { ...state, from: '' }
  // XEP-0198 §9.2, XEP-0386 §3.2: resumption comes first; where it succeeds, <bind/> is ignored
  const asked = resume === undefined ? undefined : readResume(resume, scene.resumeSeconds)
  if (asked?.ok === true) {
    const { smId, h } = asked
    return goTo(proven, { kind: 'resuming', signedIn, inline }, signed, { do: 'resume', signedIn, smId, h })
  }
  const failed = asked === undefined ? {} : { failed: failedText(asked.condition) }
  return before([signed], bindOrFinish(proven, { scene, signedIn }, { ...inline, ...failed }))
}

/** The session stage gave the resource that was asked for inside of a sign-in. */
export function inlineBound(
  state: StreamState,
  event: Extract<StreamEvent, { readonly kind: 'bound' }>,
  { phase, scene }: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  const { inline, signedIn } = phase
  const { jid } = event
  // XEP-0386 §3.2: <bound/> holds the answer of stream management, which is on its way
  if (inline.request.bind?.enable !== undefined) {
    return goTo(state, { kind: 'binding', signedIn, inline: { ...inline, jid } })
  }
  const bound = { kind: 'bound', account: signedIn.account, jid } as const
  return before(
    successEffects(state, { scene, inline, jid, answer: boundText('') }),
    goTo(state, bound, { do: 'bound' }),
  )
}

/** Something for the stream that is neither the resource nor news of stream management: the resource was refused. */
export function inlineRefused(
  state: StreamState,
  _raw: Uint8Array,
  { phase, scene }: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  const { inline, signedIn } = phase
  // Before <success/> nothing can be written, after it everything is counted: what came between fits nowhere.
  if (inline.jid !== undefined) return failStream(state, scene, { condition: 'reset' })
  return finishUnbound(state, { scene, signedIn }, inline)
}

/** News of stream management while the answer is being gathered: `enabled` after `bound`; `resumed` or `resumeRefused`. */
export function inlineSignal(
  state: StreamState,
  head: SignalHead,
  { phase, scene }: { readonly phase: Held; readonly scene: StreamScene },
): Transition {
  const { inline, signedIn } = phase
  switch (head.signal) {
    case 'enabled': {
      const { jid } = inline
      if (jid === undefined) return stay(state)
      const bound = { kind: 'bound', account: signedIn.account, jid, sm: 'on' } as const
      const success = successEffects(state, { scene, inline, jid, answer: boundText(enabledText(head)) })
      return before(
        success,
        goTo(state, bound, { do: 'enabled', smId: head.smId, maxSeconds: head.maxSeconds }, { do: 'bound' }),
      )
    }
    case 'resumed':
      return phase.kind === 'resuming' ? finishResumed(state, head, phase) : stay(state)
    case 'resumeRefused':
      if (phase.kind !== 'resuming') return stay(state)
      // XEP-0198 §9.2.1: MUST go on with <bind/>
      return bindOrFinish(state, { scene, signedIn }, { ...inline, failed: failedText('item-not-found', head.h) })
    case 'handledTooHigh': // a stream error, which is not of the sign-in
    case 'recount':
      return stay(state)
    default:
      return head satisfies never
  }
}

/** XEP-0198 §9.2: the old stream goes on right behind `<success/>`; no features are sent. */
function finishResumed(state: StreamState, head: Resumed, { inline, signedIn }: Held): Transition {
  const { data, issued } = inline
  return goTo(
    state,
    resumedPhase(signedIn, head),
    { do: 'write', text: successText({ data, issued, jid: head.jid, inline: resumedText(head) }) },
    { do: 'resumed', head },
    { do: 'bound' },
  )
}

function bindOrFinish(
  state: StreamState,
  { scene, signedIn }: { readonly scene: StreamScene; readonly signedIn: SignedIn },
  inline: InlineContext,
): Transition {
  const { request } = inline
  const { bind } = request
  if (bind === undefined) return finishUnbound(state, { scene, signedIn }, inline)
  return goTo(state, { kind: 'binding', signedIn, inline }, bindEffect({ ...request, bind }, signedIn, scene))
}

/** Signed in, and no resource yet: the client binds one as it always did. */
function finishUnbound(
  state: StreamState,
  { scene, signedIn }: { readonly scene: StreamScene; readonly signedIn: SignedIn },
  inline: InlineContext,
): Transition {
  const { data, issued, failed = '' } = inline
  return goTo(
    state,
    { kind: 'authenticated', signedIn },
    { do: 'write', text: successText({ data, issued, jid: signedIn.account, inline: failed }) },
    { do: 'write', text: streamFeatures(state, scene, 'authenticated') },
  )
}

/** XEP-0388 §2.6.1: the features of the stream follow immediately; it does not begin anew. */
function successEffects(
  state: StreamState,
  given: {
    readonly scene: StreamScene
    readonly inline: InlineContext
    readonly jid: FullJid
    readonly answer: string
  },
): readonly StreamEffect[] {
  const { scene, jid, answer } = given
  const { data, issued, failed = '' } = given.inline
  return [
    { do: 'write', text: successText({ data, issued, jid, inline: `${failed}${answer}` }) },
    { do: 'write', text: streamFeatures(state, scene, 'bound') },
  ]
}

function before(effects: readonly StreamEffect[], transition: Transition): Transition {
  return { ...transition, effects: [...effects, ...transition.effects] }
}
