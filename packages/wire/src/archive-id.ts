/** Where a record's envelope stands in its inbox. */
export interface Place {
  readonly offset: number
  readonly index: number
}

// Version of routing's inbox inside ids (R9): a new inbox version sorts after every id of the old one.
const inboxVersion = '1'
const digits = '0123456789abcdefghijklmnopqrstuv'

/**
 * The archive id of an envelope of routing's inbox: the same wherever it is derived, ascending with the inbox, and so with
 * what one owner sent and received (R9).
 * Shape: 16 characters that sort bytewise: version, offset in 11 digits base 32, index in 4.
 */
export function archiveId(place: Place): string {
  return inboxVersion + base32(place.offset, 11) + base32(place.index, 4)
}

/** Whether a text has the shape of an archive id. */
export function isArchiveId(text: string): boolean {
  return /^1[0-9a-v]{15}$/.test(text)
}

function base32(value: number, length: number): string {
  let out = ''
  let rest = value
  for (let i = 0; i < length; i++) {
    out = digits.charAt(rest % 32) + out
    rest = Math.floor(rest / 32)
  }
  return out
}
