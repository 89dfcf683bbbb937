/** One client's session, from its bind to its end. */
export interface SessionLog {
  /** Name of the client and number of the session. */
  readonly key: string
  readonly account: string
  readonly resource: string
  hasSm: boolean
  /** It could not be resumed, or was never to be: what it had not acknowledged may come again to another. */
  isOver: boolean
  /** Messages in the order in which they came. */
  readonly received: { readonly id: string; readonly isDelayed: boolean; readonly isCarbon: boolean }[]
}

/** One message a client sent. */
export interface Sent {
  readonly id: string
  readonly session: string
  readonly fromAccount: string
  readonly toAccount: string
  /** Place among all that this session sent. */
  readonly sequence: number
  /** The client was told that the server has handled it. */
  isAcked: boolean
}

/** What was sent, acknowledged and received in a run. */
export interface Ledger {
  readonly sent: Map<string, Sent>
  readonly sessions: SessionLog[]
  /** Accounts all of whose clients have stream management: they are promised delivery. */
  readonly managed: ReadonlySet<string>
  /** Presence forgets everything now and then: what it alone had for a session that is over may be in the archive alone (R11). */
  readonly isForgetful: boolean
}

/** What an archive holds: ids of messages, in its order. */
export type Archives = ReadonlyMap<string, readonly string[]>

/** Every broken promise of a run that has come to rest. */
export function reconcile(ledger: Ledger, archives: Archives): readonly string[] {
  return [...received(ledger), ...misdirected(ledger), ...acknowledged(ledger, archives), ...archived(ledger, archives)]
}

/** Nothing twice in a session, and in the sender's order. */
function received({ sessions, sent }: Ledger): readonly string[] {
  const broken: string[] = []
  for (const session of sessions) {
    const seen = new Map<string, boolean>()
    const highest = new Map<string, number>()
    for (const { id, isDelayed, isCarbon } of session.received) {
      const message = sent.get(id)
      if (message === undefined) broken.push(`I2 ${session.key} received ${id}, which nobody sent`)
      // XEP-0280 §7: who takes no messages has a copy of one that is kept; it comes again when it takes messages after all
      const isKept = isDelayed && !isCarbon && seen.get(id) === true
      if (seen.has(id) && !isKept)
        broken.push(`I2 ${id} twice in session ${session.key}${session.hasSm ? '' : ' (no SM)'}`)
      seen.set(id, isCarbon && !seen.has(id))
      if (isDelayed || message === undefined) continue // what came late has lost its place
      const before = highest.get(message.session) ?? 0
      if (message.sequence < before) broken.push(`I3 ${id} after number ${before} in session ${session.key}`)
      highest.set(message.session, Math.max(before, message.sequence))
    }
  }
  return broken
}

/** Nothing reaches another account than its recipient's, but for copies for the sender's own devices (XEP-0280). */
function misdirected({ sessions, sent }: Ledger): readonly string[] {
  return sessions.flatMap(({ key, account, received: list }) =>
    list.flatMap(({ id, isCarbon }) => {
      const { toAccount = account, fromAccount = '' } = sent.get(id) ?? {}
      const isRight = account === toAccount || (isCarbon && account === fromAccount)
      return isRight ? [] : [`I7 ${key} received ${id}, which is for ${toAccount}`]
    }),
  )
}

/** What was acknowledged is in both archives, once, and with the recipient, who lost it in no session that could have been kept. */
function acknowledged({ sessions, sent, managed, isForgetful }: Ledger, archives: Archives): readonly string[] {
  const broken: string[] = []
  for (const message of sent.values()) {
    const own = sessions.filter(({ account }) => account === message.toAccount)
    const got = own.filter(({ received: list }) => list.some(({ id }) => id === message.id))
    // An account with several resources may rightly have it in each
    const isAlone = new Set(own.map(({ resource }) => resource)).size === 1
    if (isAlone && got.filter(({ isOver, hasSm }) => hasSm && !isOver).length > 1) {
      broken.push(`I2 ${message.id} in several sessions: ${got.map(({ key }) => key).join(', ')}`)
    }
    if (!message.isAcked) continue
    for (const owner of new Set([message.fromAccount, message.toAccount])) {
      if (archives.get(owner)?.includes(message.id) !== true) {
        broken.push(`I1 acknowledged ${message.id} is not in the archive of ${owner}`)
      }
    }
    const isExcused = isForgetful && own.some(({ isOver }) => isOver)
    if (got.length === 0 && managed.has(message.toAccount) && !isExcused)
      broken.push(`I1 acknowledged ${message.id} is lost`)
  }
  return broken
}

/** Each archive holds a message once, in the sender's order, and both archives or none do. */
function archived({ sent }: Ledger, archives: Archives): readonly string[] {
  const broken: string[] = []
  for (const [owner, ids] of archives) {
    const highest = new Map<string, number>()
    const seen = new Set<string>()
    for (const id of ids) {
      const message = sent.get(id)
      if (message === undefined) {
        broken.push(`I4 ${owner} has ${id} in its archive, which nobody sent`)
        continue
      }
      if (seen.has(id)) broken.push(`I4 ${id} twice in the archive of ${owner}`)
      else if (message.sequence < (highest.get(message.session) ?? 0)) {
        broken.push(`I4 ${id} out of order in the archive of ${owner}`)
      }
      seen.add(id)
      highest.set(message.session, Math.max(highest.get(message.session) ?? 0, message.sequence))
      for (const other of [message.fromAccount, message.toAccount]) {
        if (archives.get(other)?.includes(id) !== true) {
          broken.push(`I4 ${id} is in the archive of ${owner} and not in that of ${other}`)
        }
      }
    }
  }
  return broken
}
