import type { Settings } from '@starling/core'
import type { Target } from '@starling/wire'
import type { RoutedAccount, RoutedSession } from './account.ts'

/** How much gathers for a session whose connection is gone (R8). */
export interface HeldLimits {
  /** Units: stanzas; from here on it takes no more messages. */
  readonly stanzas: number
  /** Units: bytes of queue entries; from here on it takes no more messages. */
  readonly bytes: number
}

/** Units: stanzas that the setting can say at most: what one record can send again is bounded by the numbers of a cause. */
export const maxHeldStanzas = 20_000

/** Units: bytes of queue entries of one hibernating session. */
export const maxHeldBytes = 8_388_608

/** Beyond its limit times this nothing at all is held, presence and IQs neither. */
const restFactor = 2

/** The limits as configured. */
export function heldLimits(settings: Settings): HeldLimits {
  return { stanzas: Math.min(settings.sm.maxUnackedStanzas, maxHeldStanzas), bytes: maxHeldBytes }
}

/** Whether a session has gathered `times` its limit. */
export function isFull({ sm }: RoutedSession, limits: HeldLimits, times = 1): boolean {
  if (sm?.hibernation === undefined) return false
  const { from, bytes } = sm.hibernation
  return sm.last - from >= limits.stanzas * times || bytes >= limits.bytes * times
}

/** What is asked about the sessions of an account. */
export interface Asked {
  readonly isMessage: boolean
  readonly isDead: (target: Target) => boolean
  readonly limits: HeldLimits
}

/**
 * The sessions that may get a stanza: those whose pod lives, and with stream management also those that wait for their client,
 * as available as they were (R6), until they are full. Source: XEP-0198 §7: the session is maintained on behalf of the client.
 */
export function audience(account: RoutedAccount, asked: Asked): ReadonlyMap<string, RoutedSession> {
  let isWhole = true
  for (const session of account.sessions.values()) isWhole &&= isThere(session, asked)
  if (isWhole) return account.sessions
  return new Map([...account.sessions].filter(([, session]) => isThere(session, asked)))
}

function isThere(session: RoutedSession, { isMessage, isDead, limits }: Asked): boolean {
  if (session.sm === undefined) return !isDead(session.target)
  return !isFull(session, limits, isMessage ? 1 : restFactor)
}

/** Whether a session's connection is there to be written to. */
export function isConnected(session: RoutedSession, isDead: (target: Target) => boolean): boolean {
  return session.sm?.hibernation === undefined && !isDead(session.target)
}

/** What names a session for as long as it lasts, whatever others take its resource afterwards. */
export function nameOf({ sm, target }: RoutedSession): string {
  return sm === undefined ? `${target.slot}.${target.epoch}.${target.connection}` : `=${sm.id}`
}
