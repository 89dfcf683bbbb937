/**
 * What a client wrote in its session, counted as XEP-0198 §4 has the server count. @xmpp/client counts a stanza only when its write
 * has come back: what it takes for acknowledged, keeps and sends again may be off by one, and that is no fault of the server's.
 */
export class Written {
  /** Texts of messages that count, in order; '' for another stanza. */
  #stanzas: string[] = []
  #handled = 0
  /** How many stood there when stream management was asked for last. */
  #mark = 0

  /** The client writes; returns the messages among it that the server has told it to have handled. */
  wrote(bytes: string): readonly string[] {
    // With Bind 2 it is asked for together with a resumption, should that come to nothing: whether it counts shows later
    if (bytes.includes('<enable ')) this.#mark = this.#stanzas.length
    const again: string[] = []
    for (const [, kind, rest = ''] of bytes.matchAll(
      /<(message|presence|iq)\b((?:(?!<(?:message|presence|iq)\b).)*)/gs,
    )) {
      const text = kind === 'message' ? (/<body>([^<]*)/.exec(rest)?.[1] ?? '') : ''
      if (text !== '' && this.#stanzas.lastIndexOf(text, this.#handled - 1) >= 0 && this.#handled > 0) again.push(text)
      this.#stanzas.push(text)
    }
    return again
  }

  /** A new session counts from where its client asked for it (XEP-0198 §4). */
  began(): void {
    this.#stanzas.splice(0, this.#mark)
    this.#mark = 0
    this.#handled = 0
  }

  /** The server has handled so many; returns the messages that are acknowledged by it. */
  handled(h: number): readonly string[] {
    const fresh = this.#stanzas.slice(this.#handled, h)
    this.#handled = Math.max(this.#handled, h)
    return fresh.filter((text) => text !== '')
  }

  /** The session goes on where the server says: what it has not counted was not sent. */
  resumed(h: number): readonly string[] {
    const fresh = this.handled(h)
    this.#stanzas.length = Math.min(this.#stanzas.length, h)
    return fresh
  }
}
