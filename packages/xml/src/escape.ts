// addresses and ids, which are most of what is escaped, hold none of these
const mayNeedEscape = /[^ !#-%(-;=?-~]/
const mayNeedTextEscape = /[^\t\n -%'-;=?-\u{D7FF}\u{E000}-\u{FFFD}]/u
const special = /["&'<>\t\n\r]/g
const outsideXml = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu

function reference(char: string): string {
  switch (char) {
    case '&':
      return '&amp;'
    case '<':
      return '&lt;'
    case '>':
      return '&gt;'
    case '"':
      return '&quot;'
    case "'":
      return '&apos;'
    default:
      return `&#${char.charCodeAt(0)};`
  }
}

function sanitize(text: string): string {
  return text.replace(outsideXml, '\u{FFFD}')
}

/**
 * Escapes text for an attribute value or for character data.
 * Shape: what XML cannot say at all (U+0000, lone surrogates…) becomes U+FFFD, so the result is always well-formed.
 */
export function escapeXml(text: string): string {
  if (!mayNeedEscape.test(text)) return text
  return sanitize(text).replace(special, reference)
}

/** Escapes character data only: quotes, tabs and line feeds stay readable. */
export function escapeText(text: string): string {
  if (!mayNeedTextEscape.test(text)) return text
  return sanitize(text).replace(/[&<>\r]/g, reference)
}
