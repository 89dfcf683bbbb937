import type { AccountState } from '@starling/core'
import { decodeJson, encodeJson, type Json, type StateChange, type Target } from '@starling/wire'

/** Slices by module id. */
export type Slices = { readonly [moduleId: string]: Json }

/** A session as routing knows it, from the records of its own inbox alone (R5). */
export interface RoutedSession {
  readonly target: Target
  readonly isAvailable: boolean
  readonly priority: number
  readonly slices: Slices
}

/** Routing's state of one account. */
export interface RoutedAccount {
  readonly slices: Slices
  readonly sessions: ReadonlyMap<string, RoutedSession>
}

const settingsField = '@'
const sessionPrefix = 's:'

/** Reads an account's state. Errors: a field that cannot be read counts as absent: a newer version wrote it. */
export function readAccount(state: AccountState): RoutedAccount {
  const sessions = new Map<string, RoutedSession>()
  let slices: Slices = {}
  for (const [field, bytes] of state.fields) {
    const value = decodeJson(bytes)
    if (value === undefined || value === null) continue
    if (field === settingsField) slices = value as Slices
    else if (field.startsWith(sessionPrefix)) {
      const [slot, epoch, connection, isAvailable, priority, own] = value as [
        number,
        number,
        number,
        number,
        number,
        Slices,
      ]
      sessions.set(field.slice(sessionPrefix.length), {
        target: { slot, epoch, connection },
        isAvailable: isAvailable === 1,
        priority,
        slices: own,
      })
    }
  }
  return { slices, sessions }
}

/** The fields that differ between two states of an account. */
export function changedFields(
  before: RoutedAccount,
  after: RoutedAccount,
): { readonly set: ReadonlyMap<string, Uint8Array>; readonly remove: readonly string[] } {
  const set = new Map<string, Uint8Array>()
  const remove: string[] = []
  for (const [resource, session] of after.sessions) {
    if (before.sessions.get(resource) === session) continue
    const { target, isAvailable, priority, slices } = session
    set.set(
      sessionPrefix + resource,
      encodeJson([target.slot, target.epoch, target.connection, isAvailable ? 1 : 0, priority, slices]),
    )
  }
  for (const resource of before.sessions.keys()) {
    if (!after.sessions.has(resource)) remove.push(sessionPrefix + resource)
  }
  if (before.slices !== after.slices) {
    if (Object.keys(after.slices).length === 0) remove.push(settingsField)
    else set.set(settingsField, encodeJson(after.slices))
  }
  return { set, remove }
}

/** Whether two targets are the same connection. */
export function sameTarget(one: Target, other: Target): boolean {
  return one.slot === other.slot && one.epoch === other.epoch && one.connection === other.connection
}

/** An account after a change of its sessions. */
export function applyChange(account: RoutedAccount, change: StateChange): RoutedAccount {
  switch (change.change) {
    case 'settings':
      return { ...account, slices: change.slices }
    case 'bound':
      return withSession(account, change.resource, {
        target: change.target,
        isAvailable: false,
        priority: 0,
        slices: {},
      })
    case 'updated': {
      const session = account.sessions.get(change.resource)
      if (session === undefined) return account
      const { isAvailable, priority, slices } = change
      return withSession(account, change.resource, { ...session, isAvailable, priority, slices })
    }
    case 'ended': {
      const session = account.sessions.get(change.resource)
      // A newer connection holds the resource: what ended is the older one.
      if (session === undefined || !sameTarget(session.target, change.target)) return account
      const sessions = new Map(account.sessions)
      sessions.delete(change.resource)
      // With the last session the settings go too: the next bind brings them anew.
      return { sessions, slices: sessions.size === 0 ? {} : account.slices }
    }
    case 'kicked':
    case 'refused':
      return account
    default:
      return change satisfies never
  }
}

function withSession(account: RoutedAccount, resource: string, session: RoutedSession): RoutedAccount {
  return { ...account, sessions: new Map(account.sessions).set(resource, session) }
}

/** Whether the session takes messages sent to the bare JID. Source: RFC 6121 §8.5.2.1. */
export function takesMessages(session: RoutedSession | undefined): boolean {
  return session?.isAvailable === true && session.priority >= 0
}
