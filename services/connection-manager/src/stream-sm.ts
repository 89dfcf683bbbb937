import { type Condition, ns } from '@starling/stanza'
import type { SignalHead } from '@starling/wire'
import type { ScannedElement } from '@starling/xml'
import { readH } from './sm-counts.ts'
import { enabledText, failedText, readEnable, readResume, resumedPhase, resumedText } from './sm-text.ts'
import { failStream, failWith, goTo, stay } from './stream-end.ts'
import { inlineSignal } from './stream-inline.ts'
import type { StreamScene } from './stream-scene.ts'
import type { SignedIn, StreamPhase, StreamState, Transition } from './stream-state.ts'

/** Whether the element is of stream management. */
export function isSmElement(element: ScannedElement): boolean {
  return element.namespace === ns.sm
}

/** An element of stream management on a bound stream. Source: XEP-0198 §3, §4. */
export function receiveSmBound(
  state: StreamState,
  element: ScannedElement,
  { scene, phase }: { readonly scene: StreamScene; readonly phase: Extract<StreamPhase, { readonly kind: 'bound' }> },
): Transition {
  switch (element.name) {
    case 'enable': {
      // XEP-0198 §3 example 8: at most one attempt
      if (phase.sm !== undefined) return refuse(state)
      return goTo(state, { ...phase, sm: 'asked' }, { do: 'enable', head: readEnable(element, scene.resumeSeconds) })
    }
    case 'r':
      // XEP-0198 §4: answered when all that was read before it is handled
      return phase.sm === undefined ? refuse(state) : stay(state, { do: 'acknowledge' })
    case 'a': {
      const h = readH(element.attributes['h'])
      if (phase.sm === undefined) return refuse(state)
      // XEP-0198 §4: an <a/> MUST possess an 'h'
      if (h === undefined) return failWith(state, scene, ['bad-format', 'an <a/> without a count'])
      return phase.sm === 'on' ? stay(state, { do: 'acked', h }) : stay(state)
    }
    case 'resume': // XEP-0198 §5: only before a resource is bound
      return refuse(state)
    default:
      return failWith(state, scene, ['unsupported-stanza-type', 'not known here'])
  }
}

/** An element of stream management between sign-in and the resource. Source: XEP-0198 §3, §5. */
export function receiveSmUnbound(
  state: StreamState,
  element: ScannedElement,
  { scene, signedIn }: { readonly scene: StreamScene; readonly signedIn: SignedIn },
): Transition {
  if (element.name !== 'resume') return refuse(state) // XEP-0198 §3: not before a resource is bound
  const asked = readResume(element, scene.resumeSeconds)
  if (!asked.ok) return refuse(state, asked.condition)
  const { smId, h } = asked
  return goTo(state, { kind: 'resuming', signedIn }, { do: 'resume', signedIn, smId, h })
}

/** What a routing stage says of a stream's session. */
export function receiveSignal(state: StreamState, head: SignalHead, scene: StreamScene): Transition {
  const { phase } = state
  if (head.signal === 'handledTooHigh') {
    if (phase.kind !== 'bound' && phase.kind !== 'resuming') return stay(state)
    const text = `${head.h} acknowledged, ${head.sent} sent`
    return failStream(state, scene, { condition: 'undefined-condition', text, application: tooHighText(head) })
  }
  if (head.signal === 'recount') return phase.kind === 'bound' ? stay(state, { do: 'reassert' }) : stay(state)
  if ((phase.kind === 'binding' || phase.kind === 'resuming') && phase.inline !== undefined) {
    return inlineSignal(state, head, { phase: { ...phase, inline: phase.inline }, scene })
  }
  switch (head.signal) {
    case 'enabled':
      if (phase.kind !== 'bound' || phase.sm !== 'asked') return stay(state)
      return goTo(
        state,
        { ...phase, sm: 'on' },
        { do: 'write', text: enabledText(head) },
        { do: 'enabled', smId: head.smId, maxSeconds: head.maxSeconds },
      )
    case 'resumed':
      if (phase.kind !== 'resuming') return stay(state)
      return goTo(
        state,
        resumedPhase(phase.signedIn, head),
        { do: 'write', text: resumedText(head) },
        { do: 'resumed', head },
        { do: 'bound' },
      )
    case 'resumeRefused':
      // XEP-0198 §5: the client may bind a resource now
      if (phase.kind !== 'resuming') return stay(state)
      return goTo(
        state,
        { kind: 'authenticated', signedIn: phase.signedIn },
        { do: 'write', text: failedText('item-not-found', head.h) },
      )
    default:
      return head satisfies never
  }
}

function tooHighText({ h, sent }: { readonly h: number; readonly sent: number }): string {
  return `<handled-count-too-high xmlns='${ns.sm}' h='${h}' send-count='${sent}'/>` // XEP-0198 §6
}

/** Source: XEP-0198 §6: recoverable. */
function refuse(state: StreamState, condition: Condition = 'unexpected-request'): Transition {
  return stay(state, { do: 'write', text: failedText(condition) })
}
