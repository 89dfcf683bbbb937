import { satisfiesBidiRule } from './bidi-rule.ts'
import { satisfiesContextRules } from './context-rules.ts'

// RFC 8264 §8: the order of the categories. Each set below already leaves out what an earlier category takes.
// §9.6 Exceptions that are valid, and those valid in a context (§9.8 adds the joiners)
const EXCEPTIONS =
  '\\u{DF}\\u{3C2}\\u{6FD}\\u{6FE}\\u{F0B}\\u{3007}\\u{B7}\\u{375}\\u{5F3}\\u{5F4}\\u{30FB}\\u{200C}\\u{200D}'
const NEVER =
  '\\u{640}\\u{7FA}\\u{302E}\\u{302F}\\u{3031}-\\u{3035}\\u{303B}' + // §9.6 Exceptions that are disallowed
  '\\u{1100}-\\u{11FF}\\u{A960}-\\u{A97C}\\u{D7B0}-\\u{D7C6}\\u{D7CB}-\\u{D7FB}' + // §9.9 OldHangulJamo
  '\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}\\p{Cc}' // §9.13 PrecisIgnorableProperties, §9.12 Controls
const ASCII7 = '\\u{21}-\\u{7E}' // §9.11
const LETTER_DIGITS = '\\p{Ll}\\p{Lu}\\p{Lo}\\p{Nd}\\p{Lm}\\p{Mn}\\p{Mc}' // §9.1
const FREEFORM_ONLY = '\\p{Lt}\\p{Nl}\\p{No}\\p{Me}\\p{Zs}\\p{S}\\p{P}' // §9.18 OtherLetterDigits, §9.14 to §9.16

// One class each, never alternatives: two ways to match a letter would make a long hostile string take for ever.
const IDENTIFIER = new RegExp(`^[${EXCEPTIONS}${ASCII7}[[${LETTER_DIGITS}]--[${NEVER}]]]+$`, 'v')
// §9.17 HasCompat is valid here even where no other category takes the code point.
const FREEFORM = new RegExp(`^[${EXCEPTIONS}[[${ASCII7}${LETTER_DIGITS}${FREEFORM_ONLY}]--[${NEVER}]]]+$`, 'v')

const FULL_OR_HALF_WIDTH = /[\u{3000}\u{FF01}-\u{FFEE}]/gu
const NON_ASCII_SPACE = /[^\P{Zs}\u{20}]/gu
const MOST_ROUNDS = 4 // RFC 8264 §7: once, and at most three times more until nothing changes

/**
 * Enforces the UsernameCaseMapped profile: what a localpart or user name is compared as.
 * Source: RFC 8265 §3.3.
 * Errors: undefined when the string is empty or has no normal form.
 */
export function enforceUsernameCaseMapped(text: string): string | undefined {
  return untilStable(text, (round) => {
    const prepared = round.replaceAll(FULL_OR_HALF_WIDTH, toOrdinaryWidth) // RFC 8265 §3.3.1 step 1
    if (!isIdentifier(prepared)) return undefined // §3.3.1 step 2
    const mapped = prepared.toLowerCase().normalize('NFC') // §3.3.2 steps 1 and 2
    return isIdentifier(mapped) && satisfiesContextRules(mapped) && satisfiesBidiRule(mapped) ? mapped : undefined
  })
}

/**
 * Enforces the OpaqueString profile: what a resourcepart or a password is compared as.
 * Source: RFC 8265 §4.2.
 * Errors: undefined when the string is empty or has no normal form.
 */
export function enforceOpaqueString(text: string): string | undefined {
  return untilStable(text, (round) => {
    if (!FREEFORM.test(round)) return undefined // RFC 8265 §4.2.1
    const mapped = round.replaceAll(NON_ASCII_SPACE, ' ').normalize('NFC') // §4.2.2 steps 2 and 4
    return satisfiesContextRules(mapped) ? mapped : undefined
  })
}

function untilStable(text: string, enforce: (round: string) => string | undefined): string | undefined {
  if (!text.isWellFormed()) return undefined
  let current = text
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const next = enforce(current)
    if (next === undefined || next === current) return next
    current = next
  }
  return undefined
}

function toOrdinaryWidth(char: string): string {
  return char.normalize('NFKC') // RFC 8265 §3.3.1: for these code points NFKC is the <wide> and <narrow> decomposition
}

function isIdentifier(text: string): boolean {
  if (!IDENTIFIER.test(text)) return false
  // RFC 8264 §9.17 HasCompat: a string that NFKC leaves alone holds none; otherwise look at each code point.
  return text.normalize('NFKC') === text || [...text].every((char) => char.normalize('NFKC') === char)
}
