import type { PointRun } from '@starling/core'
import { encodeJson, type Json } from '@starling/wire'
import { coveredBy, showTo } from './presence-show.ts'
import { routeOut } from './route-out.ts'
import { deliverOwn, emit, emitState, rosterOf, type Turn, updateSession } from './turn.ts'

/** Performs what handlers want done, in order. `resource` is the session the stanza came from, if any. */
export function performEffects(turn: Turn, effects: PointRun['effects'], resource: string | undefined): void {
  for (const { module, effect } of effects) {
    switch (effect.do) {
      case 'send':
        routeOut(turn, effect.stanza)
        break
      case 'deliver':
        if (turn.account.sessions.has(effect.resource)) deliverOwn(turn, effect.resource, effect.stanza)
        break
      case 'write':
        emit(turn, 'storage', {
          kind: 'write',
          key: turn.account.jid,
          atMs: turn.nowMs,
          head: effect.call as unknown as Json,
        })
        break
      case 'remember': {
        const session = resource === undefined ? undefined : turn.account.sessions.get(resource)
        if (session === undefined) break
        updateSession(turn, { ...session, slices: { ...session.slices, [module]: effect.slice } })
        break
      }
      case 'rememberAccount':
        rememberAccount(turn, module, effect.slice)
        break
      case 'kick':
        turn.kicks.push({ resource: effect.resource, error: effect.error })
        break
      case 'showPresence': {
        if (turn.account.sessions.size === 0) break
        const roster = rosterOf(turn)
        if (roster === undefined) break
        for (const to of coveredBy(turn, roster, effect.to)) showTo(turn, to, effect.as)
        break
      }
      default:
        effect satisfies never
    }
  }
}

/** Keeps a module's slice of the account: here, in routing, in storage. */
function rememberAccount(turn: Turn, module: string, slice: Json): void {
  const { jid: owner } = turn.account
  const slices = { ...turn.account.slices, [module]: slice }
  turn.account = { ...turn.account, slices }
  emitState(turn, { change: 'settings', slices })
  const args = { owner, kind: 'slice', name: module, body: encodeJson(slice) }
  const head = { query: 'document.put', args } as unknown as Json
  emit(turn, 'storage', { kind: 'write', key: owner, atMs: turn.nowMs, head })
}
