import { domainToASCII } from 'node:url'

// Canonical_Combining_Class=Virama (9), which regular expressions do not know.
const VIRAMA =
  '\\u{94D}\\u{9CD}\\u{A4D}\\u{ACD}\\u{B4D}\\u{BCD}\\u{C4D}\\u{CCD}\\u{D3B}\\u{D3C}\\u{D4D}\\u{DCA}\\u{E3A}\\u{EBA}\\u{F84}' +
  '\\u{1039}\\u{103A}\\u{1714}\\u{1715}\\u{1734}\\u{17D2}\\u{1A60}\\u{1B44}\\u{1BAA}\\u{1BAB}\\u{1BF2}\\u{1BF3}\\u{2D7F}' +
  '\\u{A806}\\u{A82C}\\u{A8C4}\\u{A953}\\u{A9C0}\\u{AAF6}\\u{ABED}\\u{10A3F}\\u{11046}\\u{11070}\\u{1107F}\\u{110B9}' +
  '\\u{11133}\\u{11134}\\u{111C0}\\u{11235}\\u{112EA}\\u{1134D}\\u{113CE}-\\u{113D0}\\u{11442}\\u{114C2}\\u{115BF}' +
  '\\u{1163F}\\u{116B6}\\u{1172B}\\u{11839}\\u{1193D}\\u{1193E}\\u{119E0}\\u{11A34}\\u{11A47}\\u{11A99}\\u{11C3F}' +
  '\\u{11D44}\\u{11D45}\\u{11D97}\\u{11F41}\\u{11F42}\\u{1612F}'

const IN_CONTEXT = /[\u{B7}\u{375}\u{5F3}\u{5F4}\u{30FB}\u{660}-\u{669}\u{6F0}-\u{6F9}\u{200C}\u{200D}]/u
// RFC 5892 A.1 second half: a letter, transparent marks, the non-joiner, transparent marks, a letter.
const NON_JOINER = new RegExp(`(?:[${VIRAMA}]|(\\p{L}\\p{Mn}*))\\u{200C}(?=(\\p{Mn}*\\p{L})?)`, 'gu')

/**
 * Tells whether every code point that is allowed only in a context (CONTEXTJ, CONTEXTO) stands in it.
 * Source: RFC 5892 Appendix A.1 to A.9, as RFC 8264 §9.6 and §9.8 ask.
 */
export function satisfiesContextRules(text: string): boolean {
  if (!IN_CONTEXT.test(text)) return true
  return RULES.every((isBroken) => !isBroken(text))
}

const RULES: readonly ((text: string) => boolean)[] = [
  breaksNonJoinerRule, // A.1
  matches(`(?<![${VIRAMA}])\\u{200D}`), // A.2 zero width joiner
  matches('(?<!l)\\u{B7}|\\u{B7}(?!l)'), // A.3 middle dot
  matches('\\u{375}(?!\\p{Script=Greek})'), // A.4 Greek keraia
  matches('(?<!\\p{Script=Hebrew})[\\u{5F3}\\u{5F4}]'), // A.5 geresh, A.6 gershayim
  // A.7 Katakana middle dot: somewhere in the string a Hiragana, Katakana or Han
  matches('^(?!.*[\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Han}]).*\\u{30FB}'),
  // A.8 Arabic-Indic digits, A.9 extended ones: never both
  matches('[\\u{660}-\\u{669}].*[\\u{6F0}-\\u{6F9}]|[\\u{6F0}-\\u{6F9}].*[\\u{660}-\\u{669}]'),
]

function matches(pattern: string): (text: string) => boolean {
  const expression = new RegExp(pattern, 'su')
  return (text) => expression.test(text)
}

function breaksNonJoinerRule(text: string): boolean {
  const stray = text.replaceAll(NON_JOINER, (_match, before?: string, after?: string) => {
    if (before === undefined) return '' // after a virama
    // RFC 5892 A.1: Joining_Type is no property of regular expressions, but the platform's IDNA tables (UTS 46
    // CheckJoiners is this very rule) know it: they refuse the fragment when it does not join.
    return after !== undefined && domainToASCII(`${before}\u200c${after}`) !== '' ? '' : '\u200c'
  })
  return stray.includes('\u200c')
}
