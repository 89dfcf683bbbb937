import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BareJid, FullJid } from '@starling/jid'
import type { SignalHead } from '@starling/wire'
import { authenticatedLimits, createGate } from '@starling/xml'
import { isWaiting, stepStream } from './stream.ts'
import { initialStreamState, type StreamEffect, type StreamPhase, type StreamState } from './stream-state.ts'
import { domain } from './test-support/fake-io.ts'
import { testScene } from './test-support/scene.ts'

const account = `romeo@${domain}` as BareJid
const jid = `${account}/balcony` as FullJid
const signedIn = { account, generation: 1 }
const sm = "xmlns='urn:xmpp:sm:3'"
const unexpected = `<failed ${sm}><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`
const notFound = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"

const at = (phase: StreamPhase): StreamState => ({ ...initialStreamState(true), phase, isOpened: true })
const bound = at({ kind: 'bound', account, jid })
const asked = at({ kind: 'bound', account, jid, sm: 'asked' })
const on = at({ kind: 'bound', account, jid, sm: 'on' })
const authenticated = at({ kind: 'authenticated', signedIn })
const resuming = at({ kind: 'resuming', signedIn })

const header = `<stream:stream to='${domain}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`

/** Lets a client send, and says what comes of it. */
function send(state: StreamState, text: string, scene = testScene()) {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
  const effects: StreamEffect[] = []
  let now = state
  for (const event of gate.push(Buffer.from(header + text))) {
    if (event.kind === 'open') continue
    const step = stepStream(now, event, scene)
    now = step.state
    effects.push(...step.effects)
  }
  return { state: now, effects, written: written(effects) }
}

function signal(state: StreamState, head: SignalHead) {
  const step = stepStream(state, { kind: 'signal', head }, testScene())
  return { ...step, written: written(step.effects) }
}

function written(effects: readonly StreamEffect[]): string {
  return effects.map((effect) => (effect.do === 'write' ? effect.text : '')).join('')
}

const kinds = (effects: readonly StreamEffect[]): readonly string[] => effects.map((effect) => effect.do)

describe('XEP-0198 §3 enabling', () => {
  it('asks the session stage; stanzas may follow without waiting', () => {
    const { state, effects } = send(bound, `<enable ${sm}/><presence/><r ${sm}/>`)
    assert.deepEqual(kinds(effects), ['enable', 'forward', 'acknowledge'])
    assert.deepEqual(effects[0], { do: 'enable', head: { maxSeconds: 0 } })
    assert.equal(isWaiting(state), false)
  })

  it('resume and max: the client’s wish, never more than the server gives', () => {
    const head = (attributes: string, resumeSeconds = 300) => {
      const [effect] = send(bound, `<enable ${sm} ${attributes}/>`, testScene({ resumeSeconds })).effects
      return effect?.do === 'enable' ? effect.head.maxSeconds : undefined
    }
    assert.equal(head("resume='true'"), 300)
    assert.equal(head("resume='1'"), 300)
    assert.equal(head("resume='true' max='60'"), 60)
    assert.equal(head("resume='true' max='9999'"), 300)
    assert.equal(head("resume='true' max='many'"), 300)
    assert.equal(head("resume='false' max='60'"), 0)
    assert.equal(head("resume='true'", 0), 0)
  })

  it('example 3, 4: <enabled/> with id, max and resume, or with nothing', () => {
    const resumable = signal(asked, { signal: 'enabled', smId: "a'b", maxSeconds: 300 })
    assert.equal(resumable.written, `<enabled ${sm} id='a&apos;b' resume='true' max='300'/>`)
    assert.deepEqual(kinds(resumable.effects), ['write', 'enabled'])
    const plain = signal(asked, { signal: 'enabled', smId: 'x', maxSeconds: 0 })
    assert.equal(plain.written, `<enabled ${sm}/>`)
  })

  it('example 8: a second attempt is refused, the first goes on', () => {
    for (const state of [asked, on]) {
      const second = send(state, `<enable ${sm}/>`)
      assert.equal(second.written, unexpected)
      assert.deepEqual(second.state, state)
    }
  })

  it('example 6: before a resource is bound, and before sign-in, it is refused, and the stream goes on', () => {
    for (const state of [authenticated, at({ kind: 'unauthenticated' })]) {
      for (const element of ['enable', 'r', "a h='0'"]) {
        const early = send(state, `<${element} ${sm}/>`)
        assert.equal(early.written, unexpected)
        assert.deepEqual(early.state, state)
      }
    }
  })

  it('news that nobody asked for changes nothing', () => {
    for (const state of [bound, on, authenticated]) {
      assert.deepEqual(signal(state, { signal: 'enabled', smId: 'x', maxSeconds: 0 }), {
        state,
        effects: [],
        written: '',
      })
    }
  })
})

describe('XEP-0198 §4 acknowledgements', () => {
  it('<r/> and <a/> belong to the shell once stream management is on', () => {
    assert.deepEqual(send(on, `<r ${sm}/>`).effects, [{ do: 'acknowledge' }])
    assert.deepEqual(send(on, `<a ${sm} h='4294967295'/>`).effects, [{ do: 'acked', h: 4_294_967_295 }])
    assert.deepEqual(send(asked, `<a ${sm} h='0'/>`).effects, [])
  })

  it('without stream management both are refused', () => {
    for (const element of ['r', "a h='0'"]) assert.equal(send(bound, `<${element} ${sm}/>`).written, unexpected)
  })

  it('an <a/> MUST possess an h', () => {
    for (const h of ['', "h=''", "h='-1'", "h='4294967296'"]) {
      const { written, state } = send(on, `<a ${sm} ${h}/>`)
      assert.match(written, /<bad-format/)
      assert.equal(state.phase.kind, 'ended')
    }
  })

  it('§6: handled-count-too-high ends the stream with both counts', () => {
    for (const state of [on, resuming]) {
      const { written, effects } = signal(state, { signal: 'handledTooHigh', h: 10, sent: 8 })
      assert.match(
        written,
        /<stream:error><undefined-condition [^>]*\/>.*<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'\/><\/stream:error><\/stream:stream>$/,
      )
      assert.deepEqual(effects.at(-1), { do: 'end', reason: 'stream-error', condition: 'undefined-condition' })
    }
  })

  it('what stream management does not know ends the stream', () => {
    assert.match(send(on, `<throttle ${sm}/>`).written, /<unsupported-stanza-type/)
  })

  it('R4: what the pod deals with itself is counted, its answer goes by way of the log', () => {
    const { effects } = send(on, "<message to='@@' id='1'/><iq type='error'/>")
    assert.deepEqual(kinds(effects), ['answer', 'answer'])
    const [first, second] = effects
    assert.match(first?.do === 'answer' ? String(Buffer.from(first.reply?.raw ?? [])) : '', /<jid-malformed/)
    assert.deepEqual(second, { do: 'answer' }, 'an error is not answered, but counted')
  })
})

describe('XEP-0198 §5 resumption', () => {
  const resume = `<resume ${sm} previd='sm-1' h='7'/>`

  it('asks the session stage, and nothing is read until it answers', () => {
    const { state, effects } = send(authenticated, resume)
    assert.deepEqual(effects, [{ do: 'resume', signedIn, smId: 'sm-1', h: 7 }])
    assert.equal(state.phase.kind, 'resuming')
    assert.ok(isWaiting(state))
  })

  it('<resumed/> carries previd and h; the stream has its address again', () => {
    const head = { signal: 'resumed', smId: 'sm-1', jid, maxSeconds: 300, count: 9, ordinal: 11, acked: 7 } as const
    const { state, written, effects } = signal(resuming, head)
    assert.equal(written, `<resumed ${sm} previd='sm-1' h='9'/>`)
    assert.deepEqual(state.phase, { kind: 'bound', account, jid, sm: 'on' })
    assert.deepEqual(kinds(effects), ['write', 'resumed', 'bound'])
  })

  it('refused: <failed/> with h where the session was known, and the client may bind', () => {
    const { state, written } = signal(resuming, { signal: 'resumeRefused', h: 3 })
    assert.equal(written, `<failed ${sm} h='3'>${notFound}</failed>`)
    assert.equal(signal(resuming, { signal: 'resumeRefused' }).written, `<failed ${sm}>${notFound}</failed>`)
    const bind = "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
    assert.equal(send(state, bind).state.phase.kind, 'binding')
    assert.equal(send(state, resume).state.phase.kind, 'resuming')
  })

  it('without previd or h, with a nonsense id, or where there is no resumption: refused at once', () => {
    const failed = (text: string, resumeSeconds = 300): string =>
      send(authenticated, text, testScene({ resumeSeconds })).written
    assert.match(failed(`<resume ${sm} h='1'/>`), /<failed .*<bad-request/)
    assert.match(failed(`<resume ${sm} previd='x'/>`), /<failed .*<bad-request/)
    assert.match(failed(`<resume ${sm} previd='x' h='-1'/>`), /<failed .*<bad-request/)
    assert.match(failed(`<resume ${sm} previd='${'x'.repeat(300)}' h='1'/>`), /<failed .*<item-not-found/)
    assert.match(failed(resume, 0), /<failed .*<feature-not-implemented/)
  })

  it('after a resource is bound it is refused, and before sign-in', () => {
    for (const state of [bound, on, at({ kind: 'unauthenticated' })]) {
      const late = send(state, resume)
      assert.equal(late.written, unexpected)
      assert.deepEqual(late.state, state)
    }
  })

  it('a stanza while the answer is awaited is too early', () => {
    assert.match(send(resuming, '<presence/>').written, /<policy-violation/)
  })
})
