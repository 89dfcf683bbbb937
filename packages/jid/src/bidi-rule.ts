// Bidi_Class is not a property that regular expressions know, so the classes are spelt out here for the code points that
// can reach the rule: those of the PRECIS IdentifierClass. RFC 8264 §5.2.5, RFC 5893 §2.

// R and AL: letters, digits and signs of the scripts written from right to left.
const RIGHT_TO_LEFT_SCRIPT =
  '\\p{Script=Adlam}\\p{Script=Arabic}\\p{Script=Avestan}\\p{Script=Chorasmian}\\p{Script=Cypriot}\\p{Script=Elymaic}' +
  '\\p{Script=Hanifi_Rohingya}\\p{Script=Hatran}\\p{Script=Hebrew}\\p{Script=Imperial_Aramaic}' +
  '\\p{Script=Inscriptional_Pahlavi}\\p{Script=Inscriptional_Parthian}\\p{Script=Kharoshthi}\\p{Script=Lydian}' +
  '\\p{Script=Mandaic}\\p{Script=Manichaean}\\p{Script=Mende_Kikakui}\\p{Script=Meroitic_Cursive}' +
  '\\p{Script=Meroitic_Hieroglyphs}\\p{Script=Nabataean}\\p{Script=Nko}\\p{Script=Old_Hungarian}' +
  '\\p{Script=Old_North_Arabian}\\p{Script=Old_Sogdian}\\p{Script=Old_South_Arabian}\\p{Script=Old_Turkic}' +
  '\\p{Script=Old_Uyghur}\\p{Script=Palmyrene}\\p{Script=Phoenician}\\p{Script=Psalter_Pahlavi}\\p{Script=Samaritan}' +
  '\\p{Script=Sogdian}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Yezidi}'

// AN: Arabic-Indic and Hanifi Rohingya digits. EN: European and extended Arabic-Indic digits. NSM: non-spacing marks.
const AN = '\\u{660}-\\u{669}\\u{10D30}-\\u{10D39}'
const EN = '0-9\\u{6F0}-\\u{6F9}'
const R_AL = `[[${RIGHT_TO_LEFT_SCRIPT}\\u{10D40}-\\u{10D8F}]--[\\p{Mn}${AN}${EN}]]`
// ES, CS, ET, ON and BN: among identifiers these are ASCII signs, the middle dot, keraia, and the joiners.
const NEUTRAL = '[!-\\/:-@\\[-`\\{-~\\u{B7}\\u{375}\\u{30FB}\\u{200C}\\u{200D}]'

const HAS_RIGHT_TO_LEFT = new RegExp(`[${R_AL}${AN}]`, 'v')
const IS_RIGHT_TO_LEFT_LABEL = new RegExp(
  // conditions 1 (first), 2 (only these), 3 (last)
  `^${R_AL}(?:[${R_AL}${AN}${EN}\\p{Mn}${NEUTRAL}]*[${R_AL}${AN}${EN}])?\\p{Mn}*$`,
  'v',
)
const HAS_AN = new RegExp(`[${AN}]`, 'v')
const HAS_EN = new RegExp(`[${EN}]`, 'v')

/**
 * Tells whether a string that may be written from right to left satisfies the six conditions of the Bidi Rule.
 * Source: RFC 5893 §2; RFC 8265 §3.3.2 applies it only to strings that hold a right-to-left code point.
 */
export function satisfiesBidiRule(text: string): boolean {
  if (!HAS_RIGHT_TO_LEFT.test(text)) return true
  // RFC 5893 §2 conditions 5 and 6: a label that begins from left to right cannot hold R, AL or AN.
  if (!IS_RIGHT_TO_LEFT_LABEL.test(text)) return false
  // RFC 5893 §2 condition 4
  return !(HAS_AN.test(text) && HAS_EN.test(text))
}
