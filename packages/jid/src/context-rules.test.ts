import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { satisfiesContextRules } from './context-rules.ts'

describe('RFC 5892 Appendix A contextual rules', () => {
  // [clause, a string in the context, one out of it]
  const cases: readonly (readonly [string, string, string])[] = [
    ['A.1 zero width non-joiner after a virama', '\u{915}\u{94d}\u{200c}\u{937}', '\u{915}\u{200c}\u{937}'],
    ['A.1 zero width non-joiner between joining letters', '\u{628}\u{200c}\u{628}', '\u{627}\u{200c}\u{628}'],
    ['A.1 marks between are transparent', '\u{628}\u{64e}\u{200c}\u{64e}\u{628}', 'a\u{200c}b'],
    ['A.1 each of several', '\u{628}\u{200c}\u{628}\u{200c}\u{628}', '\u{628}\u{200c}\u{628}\u{200c}'],
    ['A.2 zero width joiner', '\u{915}\u{94d}\u{200d}\u{937}', 'a\u{200d}b'],
    ['A.3 middle dot', 'l\u{b7}l', 'l\u{b7}a'],
    ['A.3 middle dot, before', 'col\u{b7}la', 'co\u{b7}lla'],
    ['A.4 Greek keraia', '\u{375}\u{3b1}', '\u{3b1}\u{375}'],
    ['A.5 Hebrew geresh', '\u{5d0}\u{5f3}', '\u{5f3}\u{5d0}'],
    ['A.6 Hebrew gershayim', '\u{5d0}\u{5f4}', 'a\u{5f4}'],
    ['A.7 Katakana middle dot', 'a\u{30fb}\u{30a2}', 'a\u{30fb}b'],
    ['A.8 Arabic-Indic digits', '\u{660}\u{661}', '\u{660}\u{6f1}'],
    ['A.9 extended Arabic-Indic digits', '\u{6f0}\u{6f1}', '\u{6f1}a\u{660}'],
  ]
  for (const [clause, inside, outside] of cases) {
    it(clause, () => {
      assert.equal(satisfiesContextRules(inside), true)
      assert.equal(satisfiesContextRules(outside), false)
    })
  }
})
