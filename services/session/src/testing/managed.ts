import type { BareJid } from '@starling/jid'
import type { Client } from './client.ts'
import { createWorld, type World } from './world.ts'

/** Romeo's account. */
export const key = 'romeo@example.org' as BareJid
/** A message that matters by being counted. */
export const message = "<message to='juliet@example.org'/>"

/** Romeo with stream management on, whose desk hears of his presence. */
export async function managed(maxSeconds = 300): Promise<{ world: World; romeo: Client; desk: Client; smId: string }> {
  const world = createWorld(['romeo', 'juliet'])
  const desk = await world.connect('romeo', 'desk')
  const romeo = await world.connect('romeo', 'orchard')
  romeo.queueEnable(maxSeconds)
  for (const client of [desk, romeo]) await client.send('<presence/>')
  for (const client of [desk, romeo]) client.heard()
  return { world, desk, romeo, smId: world.routing.smIds.get(romeo.connection) ?? '' }
}

/** Changes of sessions that routing was told of, the others left out. */
export const changes = (world: World, from = 0): readonly string[] =>
  world.routing.states.slice(from).map(({ change }) => change)
/** How often a client heard that the session is gone. */
export const unavailable = (client: Client): number =>
  client.heard().filter((xml) => xml.includes("type='unavailable'") && xml.includes('/orchard')).length
/** Messages that were handled, by their ids. */
export const ids = (world: World): readonly string[] => world.routing.messages.map(({ id }) => id)
