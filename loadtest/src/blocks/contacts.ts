import type { Client } from '../client/client.ts'

/** Contacts of the user at a place: its neighbours in a ring, half of them on each side. */
export function contactsOf(group: readonly Client[], place: number, contacts: number): readonly Client[] {
  const size = group.length
  const half = Math.min(Math.ceil(contacts / 2), Math.floor((size - 1) / 2))
  const found: Client[] = []
  for (let step = 1; step <= half; step++) {
    for (const at of [place + step, place - step + size]) {
      const client = group[at % size]
      if (client !== undefined) found.push(client)
    }
  }
  return found
}
