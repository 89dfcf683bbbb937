import { type Presence, PresenceError } from '@starling/core'

/** How many effects an owner has left to live. */
export interface Life {
  left: number
}

/** The life of an owner that does not die. */
export const immortal: Readonly<Life> = { left: Number.POSITIVE_INFINITY }

/** An owner is dead. */
export class Died extends Error {
  override readonly name = 'Died'
}

/** Lives one effect more, or dies before it. */
export function spend(life: Life): void {
  if (life.left <= 0) throw new Died()
  if (life.left !== Number.POSITIVE_INFINITY) life.left -= 1
}

/** Presence as an owner has it who may die between two accounts of one call. */
export function mortal(port: Presence, life: Life): Presence {
  const each = async <T, R>(all: readonly T[], one: (of: readonly T[]) => Promise<readonly R[]>): Promise<R[]> => {
    const done: R[] = []
    for (const single of all) {
      spend(life)
      done.push(...(await one([single])))
    }
    return done
  }
  return {
    ...port,
    decideStates: (kind, proposals) => each(proposals, (one) => port.decideStates(kind, one)),
    saveStates: (kind, saves) => each(saves, (one) => port.saveStates(kind, one)),
    noteHibernations: async (hibernations) => {
      spend(life)
      await port.noteHibernations(hibernations)
    },
  }
}

/** What comes of it, or nothing when another owner was first. */
export async function unlessOvertaken<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof PresenceError) return undefined
    throw error
  }
}
