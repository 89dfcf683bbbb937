import { authenticatedLimits, type GateLimits, unauthenticatedLimits } from '@starling/xml'

/** Limits that no setting changes. Each names its unit and what happens when it is reached. */
export const limits = {
  /** Bytes of one write on TLS, awaited: a TLS socket keeps what its largest write needed. */
  tlsPieceBytes: 8_000,
  /** Bytes of one write on a plain socket, awaited. */
  plainPieceBytes: 65_536,
  /** Bytes held of a connection that is not read now; more ends it with policy-violation. */
  heldBytes: 1_048_576,
  /** Bytes that the log has not acknowledged, of the whole pod; above, no socket is read. */
  pendingBytes: 16_777_216,
  /** Milliseconds from the bind request to its answer; then internal-server-error. */
  bindTimeoutMs: 15_000,
  /** Milliseconds from the first byte of an element to its last; then connection-timeout. */
  partialTimeoutMs: 60_000,
  /** Milliseconds that a client has to close after our end of the stream; then the socket is destroyed. */
  closeTimeoutMs: 5_000,
  /** Milliseconds a question to storage may take; then temporary-auth-failure, or a stanza error. */
  askTimeoutMs: 10_000,
  /** Milliseconds a failed sign-in is held back. */
  failureDelayMs: 400,
  /** Failed sign-ins from one address in `failureWindowMs`, over all pods; above, all are refused for a while. */
  failuresPerAddress: 60,
  failureWindowMs: 60_000,
  /** Sign-ins that wait for their turn under loginsPerSecond; more get temporary-auth-failure. */
  waitingLogins: 10_000,
  /** Sockets taken a second, for each sign-in that is: handshakes cost more than sign-ins, and some sockets come to nothing. */
  socketsPerLogin: 2,
  /** Sockets that wait to be served; more are refused with resource-constraint, or closed before a handshake. */
  waitingSockets: 10_000,
  /** Bytes read of a socket that waits; the rest stays with the system. */
  waitingSocketBytes: 4_096,
  /** Milliseconds a proxy has to say whose connection it is; then the socket is closed. */
  proxyHeaderMs: 5_000,
  /** Drop records that wait for the log; more are lost, counted, and the lease's end speaks for them. */
  waitingDrops: 100_000,
  /** Acknowledged queues that wait to be told to presence; above, one is forgotten: the queue's next says it too. */
  waitingTrims: 100_000,
  /** Milliseconds from an acknowledgement to its telling. */
  trimMs: 100,
  /** Sessions of one write to this pod's roll in presence. */
  rollBatch: 500,
  /** Sessions told to presence anew in one look at the connections, a second, after it forgot them; the others wait. */
  reassertionsPerLook: 1_000,
  /** Changes of this pod's roll that wait for presence; above, a bind is refused and a delisting left to the sweep. */
  waitingRollChanges: 100_000,
  /** Looks at the connections from one writing of a session into the roll to the next: about an hour. */
  rollRenewLooks: 3_600,
  /** Milliseconds between two looks for pods that died, on average. */
  sweepLookMs: 1_000,
  /**
   * Milliseconds from seeing a lease ended to ending its sessions. A lease that ran out its holder gave up before; one that
   * Redis forgot (R11) its holder takes again at its next renewal, within 1.5 s.
   */
  sweepGraceMs: 1_600,
  /** Milliseconds that the lease of a dead pod cannot be restored: longer than its holder believes in it. */
  burialMs: 5_000,
  /** Sessions of dead pods ended in one round, and milliseconds to the next while there are more; the others wait. */
  sweepPage: 500,
  sweepPageMs: 1_000,
  /** Rolls looked at in one round, the ones not written for longest first; the others wait. */
  sweptRolls: 1_024,
  /** Seconds a request of BOSH may be held; a client that wants longer gets this. */
  boshWaitSeconds: 60,
  /** Requests of BOSH held for one client; a client that wants more gets this. */
  boshHold: 1,
  /** Seconds a BOSH session lives without a request; a client that polls has the second. Then its connection is lost. */
  boshInactivitySeconds: 30,
  boshPollingInactivitySeconds: 60,
  /** Seconds from one empty request of a polling client to its next; sooner is policy-violation. */
  boshPollingSeconds: 2,
  /** Seconds a BOSH client may ask to be away. */
  boshPauseSeconds: 120,
  /** Largest stanzas that one `<body/>` of BOSH may hold, as a number of them; more is policy-violation. */
  boshStanzasPerBody: 4,
  /** Bytes of one answer of BOSH, about: the rest goes with the next. */
  boshAnswerBytes: 262_144,
  /** Questions of one stream IQ; more end in internal-server-error. */
  stepsPerStreamIq: 16,
} as const

/** What the gate allows before sign-in. */
export function gateLimitsBefore(maxStanzaBytes: number): GateLimits {
  const small = Math.min(unauthenticatedLimits.maxStanzaBytes, stanzaBytes(maxStanzaBytes))
  return { ...unauthenticatedLimits, maxStanzaBytes: small }
}

/** What the gate allows after sign-in. */
export function gateLimitsAfter(maxStanzaBytes: number): GateLimits {
  return { ...authenticatedLimits, maxStanzaBytes: stanzaBytes(maxStanzaBytes) }
}

/** The stanza limit as a number: 0 in the settings means none. Units: bytes. */
export function stanzaBytes(maxStanzaBytes: number): number {
  return maxStanzaBytes === 0 ? 0x3fffffff : maxStanzaBytes
}

/** A limit where 0 means none, as a number to compare with. */
export function orNone(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit
}

/**
 * The part of an address that limits count by: a whole IPv4 address, the first 64 bits of an IPv6 address, which is what
 * one customer is given.
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return `${groups.slice(0, 4).join(':')}::/64`
}
