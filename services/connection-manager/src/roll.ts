import type { PodLife, Presence } from '@starling/core'
import { type BareJid, parseJid } from '@starling/jid'
import type { Target } from '@starling/wire'
import { limits } from './limits.ts'

/** A session as a roll names it: enough to end it, should its pod die. */
export interface RollEntry {
  readonly connection: number
  readonly account: BareJid
}

/** What a roll is written with. */
export interface RollPorts {
  readonly presence: Pick<Presence, 'enlist' | 'delist' | 'endRoll' | 'isUp' | 'connections'>
  /** An entry that is no longer needed stays: harmless, the end of the pod's life clears it. */
  readonly onLost: () => void
}

/** A change of a roll that presence does not hold yet. */
interface Change {
  readonly do: 'enlist' | 'delist'
  readonly life: PodLife
  readonly entry: string
  /** Told when it is written, or cannot be. */
  readonly done: (error?: unknown) => void
}

/**
 * Keeps in presence which sessions hang on this pod, so that others end them when it dies (DESIGN §3).
 * Order: changes are written in the order of calls; what comes while a write is under way rides in the next.
 * Shape: at most `limits.waitingRollChanges` wait: above, an enlistment is refused and a delisting forgotten.
 */
export class Roll {
  readonly #ports: RollPorts
  readonly #waiting: Change[] = []
  /** Delistings that failed, until the next `retry`. */
  readonly #failed: Change[] = []
  #underWay = 0
  /** Number of the connection to presence under which every session was last renewed; -1: some could not be. */
  #connection: number

  constructor(ports: RollPorts) {
    this.#ports = ports
    this.#connection = ports.presence.connections()
  }

  /** Whether presence was connected anew since this was asked: what it was told may be lost, every session is to be renewed (R11). */
  mayHaveLost(): boolean {
    if (!this.#ports.presence.isUp()) return false
    const connection = this.#ports.presence.connections()
    const isOther = connection !== this.#connection
    this.#connection = connection
    return isOther
  }

  /** Changes that presence does not hold yet. */
  get count(): number {
    return this.#waiting.length + this.#failed.length + this.#underWay
  }

  /** Writes a session down; resolves once presence holds it. Errors: rejects when it cannot be written. */
  enlist(target: Target, account: BareJid): Promise<void> {
    if (this.#isFull) return Promise.reject(new Error(`${limits.waitingRollChanges} changes of the roll wait already`))
    return new Promise((resolve, reject) => {
      const done = (error?: unknown): void => (error === undefined ? resolve() : reject(error))
      this.#add({ do: 'enlist', life: lifeOf(target), entry: writeEntry(target, account), done })
    })
  }

  /** Writes a session down again, in case Redis lost it (R11), and so that the roll is not forgotten while its pod lives. */
  renew(target: Target, account: BareJid): void {
    const done = (error?: unknown): void => {
      if (error !== undefined) this.#connection = -1
    }
    if (this.#isFull) done('full')
    else this.#add({ do: 'enlist', life: lifeOf(target), entry: writeEntry(target, account), done })
  }

  /** Strikes out a session whose end the log holds. */
  delist(target: Target, account: BareJid): void {
    const change: Change = {
      do: 'delist',
      life: lifeOf(target),
      entry: writeEntry(target, account),
      done: (error) => {
        if (error === undefined) return
        if (this.#isFull) this.#ports.onLost()
        else this.#failed.push(change)
      },
    }
    if (this.#isFull) this.#ports.onLost()
    else this.#add(change)
  }

  /** Tries again what failed; called now and then. */
  retry(): void {
    if (!this.#ports.presence.isUp()) return
    for (const change of this.#failed.splice(0)) this.#add(change)
  }

  /** Ends a roll from which everything was struck out; any other stays for those who sweep. */
  end(life: PodLife): Promise<void> {
    return this.#ports.presence.endRoll(life)
  }

  get #isFull(): boolean {
    return this.count >= limits.waitingRollChanges
  }

  #add(change: Change): void {
    this.#waiting.push(change)
    if (this.#underWay === 0) void this.#write()
  }

  async #write(): Promise<void> {
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      this.#underWay = batch.length
      await Promise.all([this.#put('enlist', batch), this.#put('delist', batch)])
    }
    this.#underWay = 0
  }

  /** The longest beginning that belongs to one life. */
  #next(): readonly Change[] {
    const [first] = this.#waiting
    if (first === undefined) return []
    const { slot, epoch } = first.life
    let length = 1
    while (length < limits.rollBatch) {
      const life = this.#waiting[length]?.life
      if (life?.slot !== slot || life.epoch !== epoch) break
      length++
    }
    return this.#waiting.splice(0, length)
  }

  /** A session is enlisted before it is delisted, and never again after: within a batch all enlisting may go first. */
  async #put(what: Change['do'], batch: readonly Change[]): Promise<void> {
    const changes = batch.filter((change) => change.do === what)
    const [first] = changes
    if (first === undefined) return
    const entries = changes.map(({ entry }) => entry)
    const error = await this.#ports.presence[what](first.life, entries).then(
      () => undefined,
      (reason: unknown) => reason ?? new Error('presence refused'),
    )
    for (const { done } of changes) done(error)
  }
}

/** A session as a line of a roll. */
export function writeEntry({ connection }: Pick<Target, 'connection'>, account: BareJid): string {
  return `${connection} ${account}`
}

/** Reads a line of a roll; undefined when it is none, as of a newer version. */
export function readEntry(line: string): RollEntry | undefined {
  const space = line.indexOf(' ')
  const number = line.slice(0, Math.max(0, space))
  const account = parseJid(line.slice(space + 1))
  if (!/^\d{1,10}$/.test(number) || !account.ok || account.value.includes('/')) return undefined
  return { connection: Number(number), account: account.value as BareJid }
}

function lifeOf({ slot, epoch }: Target): PodLife {
  return { slot, epoch }
}
