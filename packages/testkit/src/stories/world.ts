import { connect, type Device, type FormerSession, type Reach, type Transport } from './device.ts'

/** Servers a story is told on: one process, or a cluster with several connection-managers. */
export interface World {
  /** One a connection-manager; devices are spread over them. */
  readonly reaches: readonly Reach[]
  readonly createAccount: (jid: string, password: string) => Promise<void>
}

/** The accounts of one story, each with its devices. */
export interface Cast {
  /** Connects a further device of an account; the account is made at its first device. */
  readonly device: (
    name: string,
    more?: {
      readonly resource?: string
      readonly transport?: Transport
      readonly ignores?: readonly string[]
      readonly session?: FormerSession
      /** Where it connects; else the next of the world's. */
      readonly reach?: Reach
    },
  ) => Promise<Device>
  /** Bare JID of an account of this story. */
  readonly bare: (name: string) => string
  /** Makes an account without a device. */
  readonly account: (name: string) => Promise<void>
  readonly reach: Reach
  /** All connection-managers. */
  readonly reaches: readonly Reach[]
  readonly password: string
}

const password = 'wherefore art thou'

/**
 * Plays one story with accounts of its own, and closes every device at its end. Stories of one world may run side by side.
 */
export async function play(world: World, title: string, story: (cast: Cast) => Promise<void>): Promise<void> {
  const suffix =
    title
      .replace(/[^a-z0-9]+/gi, '')
      .slice(0, 12)
      .toLowerCase() + Math.random().toString(36).slice(2, 8)
  const made = new Map<string, Promise<void>>()
  const devices: Device[] = []
  let next = 0
  const [first] = world.reaches
  if (first === undefined) throw new Error('a world without a server')
  const username = (name: string): string => `${name}-${suffix}`
  const bare = (name: string): string => `${username(name)}@${first.domain}`
  const account = (name: string): Promise<void> => {
    const known = made.get(name) ?? world.createAccount(bare(name), password)
    made.set(name, known)
    return known
  }
  try {
    await story({
      reach: first,
      reaches: world.reaches,
      password,
      bare,
      account,
      device: async (name, more = {}) => {
        await account(name)
        const { reach = world.reaches[next++ % world.reaches.length] ?? first, ...how } = more
        const device = await connect(reach, { username: username(name), password, ...how })
        devices.push(device)
        return device
      },
    })
  } finally {
    await Promise.allSettled(devices.map((device) => device.close()))
  }
}
