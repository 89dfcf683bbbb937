import { isIPv6 } from 'node:net'
import { domainToASCII, domainToUnicode } from 'node:url'
import { satisfiesContextRules } from './context-rules.ts'

const FOREIGN_ASCII = /[\p{ASCII}--[a-z0-9.\-]]/v
const IS_ASCII = /^\p{ASCII}*$/u
const LDH_LABEL = /^(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
// RFC 5891 §4.2.3: code points PVALID or CONTEXT by RFC 5892 §3, no mark in front, no hyphen at the ends or at 3 and 4
const U_LABEL =
  /^(?!\p{M}|-|..--)[\-0-9a-z\u{DF}\u{3C2}\u{6FD}\u{6FE}\u{F0B}\u{3007}\u{B7}\u{375}\u{5F3}\u{5F4}\u{30FB}\u{200C}\u{200D}[[\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]--[\u{640}\u{7FA}\u{302E}\u{302F}\u{3031}-\u{3035}\u{303B}\p{Default_Ignorable_Code_Point}\u{1100}-\u{11FF}\u{A960}-\u{A97C}\u{D7B0}-\u{D7FB}]]]+(?<!-)$/v
const MAX_LABEL_BYTES = 63 // RFC 5890 §2.3.1

/**
 * Brings a domainpart to its normal form: IPv4 or IPv6 literal, or lower-case labels, A-labels turned into U-labels.
 * Source: RFC 7622 §3.2.
 * Errors: undefined when it is none of these; the limit on bytes is the caller's.
 */
export function enforceDomainpart(text: string): string | undefined {
  if (text.startsWith('[')) return enforceIpv6Literal(text)
  // RFC 5895 §2: upper case, width and the ideographic full stop are mapped before the labels are looked at.
  const mapped = text.normalize('NFKC').toLowerCase().normalize('NFKC').replaceAll('。', '.')
  if (!mapped.isWellFormed() || FOREIGN_ASCII.test(mapped)) return undefined
  const name = mapped.endsWith('.') ? mapped.slice(0, -1) : mapped // RFC 7622 §3.2: the final dot is no part of it
  const labels = name.split('.')
  if (labels.every((label) => LDH_LABEL.test(label))) return name
  // The label put behind keeps the platform from reading the name as a number of an IPv4 address.
  const unicode = domainToUnicode(`${name}.x`)
  const converted = unicode.split('.').slice(0, -1)
  if (converted.length !== labels.length || !converted.every(isLabel)) return undefined
  return converted.join('.')
}

function enforceIpv6Literal(text: string): string | undefined {
  const address = text.slice(1, -1)
  // RFC 3986 §3.2.2 IP-literal; a zone identifier names an interface of one host only.
  return text.endsWith(']') && isIPv6(address) && !address.includes('%') ? `[${address.toLowerCase()}]` : undefined
}

function isLabel(label: string): boolean {
  if (IS_ASCII.test(label)) return LDH_LABEL.test(label)
  const ascii = domainToASCII(label)
  return U_LABEL.test(label) && satisfiesContextRules(label) && ascii !== '' && ascii.length <= MAX_LABEL_BYTES
}
