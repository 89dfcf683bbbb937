import type { BareJid } from '@starling/jid'
import type { Bind, Resume } from '@starling/wire'
import type { Connection } from './connection.ts'
import { bind2Slices, Keepsake } from './keepsake.ts'

/** What a connection asks the session stage for: a resource, or a former session. */
export type Claim = Pick<Bind, 'kind' | 'head'> | Pick<Resume, 'kind' | 'head'>

/** Asks for a session, once the roll tells others whom to end should this pod die. */
export function claimSession(connection: Connection, account: BareJid, claim: Claim): void {
  const { io, roll } = connection.pod
  const target = connection.own(account)
  const features = claim.kind === 'bind' ? claim.head.features : undefined
  const { generation } = claim.head
  connection.keepsake = new Keepsake(generation, connection.pod.losses(), bind2Slices(features, io.registry))
  roll.enlist(target, account).then(
    () => {
      if (connection.isEnded) return
      // R7: a pod that stood still meanwhile was swept, or will be: this session would be found by nobody
      if (!io.inbox.isLeased()) return failed(connection, 'the lease ended')
      const envelope = { ...claim, key: account, target, atMs: io.clock() }
      io.publish('session', envelope).catch((error: unknown) => connection.produceFailed(error))
    },
    (error: unknown) => failed(connection, error),
  )
}

function failed(connection: Connection, error: unknown): void {
  if (connection.isEnded) return
  const { meters, io } = connection.pod
  meters.rollFaults.add()
  io.logger.warn({ what: 'enlist-failed', error })
  connection.fail({ condition: 'resource-constraint' }, 'presence') // RFC 6120 §4.9.3.17
}
