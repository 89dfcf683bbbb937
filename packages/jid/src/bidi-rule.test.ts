import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { satisfiesBidiRule } from './bidi-rule.ts'

describe('RFC 5893 §2 the Bidi Rule', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['no right-to-left code point: the rule is not applied', '9-a!', true],
    ['condition 1: begins with R', '\u{5d0}\u{5d1}', true],
    ['condition 1: begins with AL', '\u{628}\u{627}', true],
    ['condition 1: begins with a digit', '1\u{5d0}', false],
    ['condition 1: begins with AN', '\u{661}', false],
    ['condition 1: begins with a mark', '\u{5b0}\u{5d0}', false],
    ['condition 2: L in a right-to-left label', '\u{5d0}a\u{5d1}', false],
    ['condition 2: neutral signs within', '\u{5d0}-.$!\u{5d1}', true],
    ['condition 3: ends with EN', '\u{5d0}1', true],
    ['condition 3: ends with AN', '\u{628}\u{661}', true],
    ['condition 3: ends with marks', '\u{5d0}\u{5b0}\u{5b1}', true],
    ['condition 3: ends with a neutral sign', '\u{5d0}-', false],
    ['condition 3: a neutral sign, then marks', '\u{5d0}-\u{5b0}', false],
    ['condition 4: EN and AN', '\u{5d0}1\u{661}', false],
    ['condition 5: R in a left-to-right label', 'a\u{5d0}', false],
    ['condition 5: AN in a left-to-right label', 'a\u{661}a', false],
  ]
  for (const [clause, text, expected] of cases) {
    it(clause, () => assert.equal(satisfiesBidiRule(text), expected))
  }
})
