import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Body } from './body.ts'
import { openWindow, stepWindow, type Terms, type WindowInput } from './window.ts'

const terms: Terms = {
  waitMs: 59_000,
  hold: 1,
  requests: 2,
  inactivityMs: 30_000,
  pollingMs: 2_000,
  pauseMs: 120_000,
  acks: false,
}
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
const firstRid = 100

function bodyOf(rid: number): Body {
  return {
    rid,
    sid: 's',
    to: '',
    lang: undefined,
    wait: undefined,
    hold: undefined,
    content: undefined,
    version: undefined,
    acks: false,
    pause: undefined,
    isEnd: false,
    isRestart: false,
    key: undefined,
    newKey: undefined,
    payloads: [],
  }
}

type Act =
  | { readonly do: 'send'; readonly skip: number }
  | { readonly do: 'again' | 'lose' | 'output' | 'settle' | 'late' | 'pause' | 'resume' }

const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), skip: fc.integer({ min: 0, max: 1 }) }),
  fc.constantFrom<Act>(
    { do: 'again' },
    { do: 'lose' },
    { do: 'output' },
    { do: 'settle' },
    { do: 'late' },
    { do: 'pause' },
    { do: 'resume' },
  ),
)

/** A window with what came of it, driven as the link drives it: after each request what need not wait is answered. */
class Run {
  state = openWindow(terms, firstRid, 0)
  nowMs = 0
  hasEnded = false
  readonly forwarded: number[] = []
  readonly answeredRids: number[] = []
  readonly open = new Map<number, number>()
  #last = 0

  do(act: Act): void {
    if (act.do === 'send') this.#send(this.state.nextRid + act.skip)
    else if (act.do === 'again') this.#send(Math.max(firstRid, this.state.nextRid - 1))
    else if (act.do === 'lose') this.#lose()
    else if (act.do === 'output') this.#apply({ kind: 'output', payloads: [Buffer.from('<presence/>')] })
    else if (act.do === 'late') this.nowMs += 5_000
    else this.#apply({ kind: act.do })
    this.#apply({ kind: 'settle' })
    assert.ok(this.state.held.length <= terms.hold, 'held')
    assert.ok(this.state.early.length <= terms.requests, 'early')
    assert.ok(this.state.answered.length <= terms.requests, 'answered')
  }

  #send(rid: number): void {
    const exchange = ++this.#last
    this.open.set(exchange, rid)
    this.#apply({ kind: 'request', exchange, body: bodyOf(rid) })
  }

  #lose(): void {
    const [gone] = this.open.keys()
    if (gone === undefined) return
    this.open.delete(gone)
    this.#apply({ kind: 'lost', exchange: gone }, gone)
  }

  #apply(input: WindowInput, gone?: number): void {
    if (this.hasEnded) return
    const step = stepWindow(this.state, input, { nowMs: this.nowMs, sha1 })
    this.state = step.state
    for (const effect of step.effects) {
      if (effect.do === 'forward') this.forwarded.push(effect.body.rid)
      else if (effect.do === 'answer') this.#answered(effect.exchange, gone)
      else this.hasEnded = true
    }
  }

  #answered(exchange: number, gone: number | undefined): void {
    if (exchange === gone) return
    const rid = this.open.get(exchange)
    assert.ok(rid !== undefined, 'an exchange is answered once')
    this.open.delete(exchange)
    const isLast = !this.state.held.some((held) => held.rid === rid)
    if (isLast && !this.answeredRids.includes(rid)) this.answeredRids.push(rid)
  }
}

describe('XEP-0124: the requests of a session', () => {
  it('property: §8 each is forwarded once and in order, each exchange answered once at most, answers in order, all bounded', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 60 }), (list) => {
        const run = new Run()
        for (const act of list) if (!run.hasEnded) run.do(act)
        assert.deepEqual(
          run.forwarded,
          run.forwarded.map((_, at) => firstRid + at),
          'forwarded once, in order',
        )
        assert.deepEqual(
          run.answeredRids,
          [...run.answeredRids].sort((one, other) => one - other),
          'answered in order',
        )
        if (!run.hasEnded) {
          const waiting = [...run.state.held, ...run.state.early].map(({ exchange }) => exchange)
          for (const exchange of run.open.keys()) assert.ok(waiting.includes(exchange), 'nobody is forgotten')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
