/** The default namespace that canonical bytes are read under. Source: RFC 6120 §4.8.2. */
export const clientNamespace = 'jabber:client'

/** Namespace of the stream header. Source: RFC 6120 §4.8.1. */
export const streamNamespace = 'http://etherx.jabber.org/streams'

/** Namespace of `<open/>` and `<close/>`. Source: RFC 7395 §3.3.2. */
export const framingNamespace = 'urn:ietf:params:xml:ns:xmpp-framing'

/** Namespace of `<body/>`. Source: XEP-0124 §6. */
export const bodyNamespace = 'http://jabber.org/protocol/httpbind'
