import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import type { GateEvent, GateFault, ScannedElement } from './events.ts'
import { createGate } from './gate.ts'
import { authenticatedLimits } from './limits.ts'
import { blankNamespace } from './namespaces.ts'
import { createMutant, createRandom } from './test-mutants.ts'
import { canonicalInfoset, consultOracle, type Infoset } from './test-oracle.ts'

const mutantCount = 20_000
const seed = 20_261_123

type Verdict = {
  readonly elements: readonly ScannedElement[]
  readonly fault: GateFault | undefined
  readonly isClosed: boolean
}

function judge(bytes: Buffer, size: number): Verdict {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits })
  const events: GateEvent[] = []
  for (let at = 0; at < bytes.length; at += size) {
    events.push(...gate.push(Buffer.from(bytes.subarray(at, at + size))))
  }
  const last = events.at(-1)
  return {
    elements: events.flatMap((event) => (event.kind === 'element' ? [event.element] : [])),
    fault: last?.kind === 'fault' ? { condition: last.condition, text: last.text } : undefined,
    isClosed: last?.kind === 'close',
  }
}

/** Why the gate may refuse what the oracle takes. */
function isOnPurpose(fault: GateFault, bytes: Buffer): boolean {
  // RFC 6120 §11.1: comments, processing instructions; between stanzas only white space; a header in the stream
  if (fault.condition === 'restricted-xml' || fault.condition === 'bad-format') return true
  // RFC 6120 §4.8, §11.6: what a header must say
  if (!fault.condition.startsWith('not-')) return fault.condition !== 'policy-violation'
  if (fault.text === blankNamespace) return true
  // RFC 6120 §4: XML 1.0, no other version
  if (fault.text === 'a malformed XML declaration') return !/<\?xml\s+version\s*=\s*(["'])1\.0\1/.test(bytes.toString())
  // Namespaces in XML §4: the part after the colon is a name too, which saxes leaves unchecked
  return fault.text.startsWith('a malformed') && /[<\s][^\s<>=]+:[^A-Z_a-z]/.test(bytes.toString())
}

function summary(verdict: Verdict): unknown {
  return {
    fault: verdict.fault,
    isClosed: verdict.isClosed,
    elements: verdict.elements.map((element) => ({ ...element, raw: element.raw.toString() })),
  }
}

/** What the gate says of an element beside its bytes, against what the oracle read. */
function assertHeader(element: ScannedElement, infoset: Infoset | undefined): void {
  assert.equal(`{${element.namespace}}${element.name}`, infoset?.name)
  const payloads = element.payloads.map(({ name, namespace }) => `{${namespace}}${name}`)
  assert.deepEqual(
    payloads,
    infoset?.children.flatMap((child) => (typeof child === 'string' ? [] : [child.name])),
  )
  const attributes = Object.entries(element.attributes)
  assert.equal(attributes.length, infoset?.attributes.length)
  for (const [name, value] of attributes) {
    if (!name.includes(':')) assert.ok(infoset?.attributes.includes(`{}${name}=${value}`), name)
  }
}

function compare(bytes: Buffer): string {
  const verdict = judge(bytes, bytes.length)
  for (const size of [1, 5, 37]) assert.deepEqual(summary(judge(bytes, size)), summary(verdict), `chunks of ${size}`)
  // white space before the XML declaration passes: it may be a keep-alive from before the stream was restarted
  let oracle = consultOracle(bytes.subarray(bytes.length - bytes.toString('latin1').replace(/^[ \t\r\n]+/, '').length))
  // saxes judges a reference at its ';' only, however far: the gate as soon as it cannot be one
  if (!oracle.isClosed && oracle.error === undefined) oracle = consultOracle(Buffer.concat([bytes, Buffer.from(';')]))
  for (const [i, element] of verdict.elements.entries()) {
    if (oracle.error !== 'not UTF-8') assertHeader(element, oracle.elements[i])
  }
  const infosets = verdict.elements.map((element): Infoset | string => canonicalInfoset(element.raw))
  if (verdict.fault === undefined) {
    if (oracle.error !== undefined && verdict.isClosed) return 'accepted wrongly'
    if (oracle.error === undefined) assert.deepEqual(infosets, oracle.elements)
    return oracle.error === undefined ? 'accepted' : 'unfinished'
  }
  if (oracle.error === undefined) {
    assert.deepEqual(infosets, oracle.elements.slice(0, infosets.length))
    return isOnPurpose(verdict.fault, bytes) ? 'refused on purpose' : 'refused wrongly'
  }
  return 'refused'
}

describe('the XML gate against a strict parser', () => {
  it(`agrees with saxes on ${mutantCount} mutants, in chunks of 1, 5, 37 bytes and whole`, (t) => {
    const random = createRandom(seed)
    const counts = new Map<string, number>()
    const wrong: string[] = []
    for (let i = 0; i < mutantCount; i++) {
      const bytes = createMutant(random)
      let outcome: string
      try {
        outcome = compare(bytes)
      } catch (error) {
        assert.fail(`seed ${seed}, mutant ${i}: ${JSON.stringify(bytes.toString('latin1'))}: ${String(error)}`)
      }
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      if (outcome.endsWith('wrongly')) {
        wrong.push(`${outcome}: mutant ${i} ${JSON.stringify(bytes.toString())} ${consultOracle(bytes).error}`)
      }
    }
    t.diagnostic(`seed ${seed}: ${JSON.stringify(Object.fromEntries(counts))}`)
    assert.deepEqual(wrong, [])
  })
})
