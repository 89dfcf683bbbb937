import type { BareJid } from '@starling/jid'
import type { Drop, Target } from '@starling/wire'
import { limits } from './limits.ts'
import type { EndReason } from './stream-state.ts'

/** What drops are published with. */
export interface DropPorts {
  readonly publish: (envelope: Drop) => Promise<void>
  readonly clock: () => number
  /** Whether the log can be reached: while not, nothing is tried again. */
  readonly isReady: () => boolean
  /** The log holds a drop. */
  readonly onDurable: (drop: Drop) => void
  /** A drop found no place. */
  readonly onLost: () => void
}

/**
 * Tells the session stage of every connection that ended, and goes on telling while the log is away.
 * Order: a drop is published after everything else of its connection.
 * Shape: at most `limits.waitingDrops` wait; what is lost is made good by the end of the pod's lease (R6, R7).
 */
export class Drops {
  readonly #ports: DropPorts
  readonly #waiting: Drop[] = []
  #underWay = 0

  constructor(ports: DropPorts) {
    this.#ports = ports
  }

  /** Drops that the log does not hold yet. */
  get count(): number {
    return this.#waiting.length + this.#underWay
  }

  /**
   * Tells of the end of a connection that signed in; of another there is nothing to tell.
   * `acked`: ordinal of the last delivery that its client acknowledged. It travels along, so that nobody need wait for the trims
   * that say so to presence: in the log it comes before all that is done with the rest (R4).
   */
  publish(account: BareJid | undefined, target: Target | undefined, reason: EndReason, acked = 0): void {
    if (account === undefined || target === undefined) return
    const head = { reason, ...(acked > 0 ? { acked } : {}) }
    this.#send({ kind: 'drop', key: account, target, head, atMs: this.#ports.clock() })
  }

  /** Tries again what failed; called at every sweep. */
  retry(): void {
    if (!this.#ports.isReady()) return
    for (const drop of this.#waiting.splice(0)) this.#send(drop)
  }

  #send(drop: Drop): void {
    this.#underWay++
    this.#ports.publish(drop).then(
      () => {
        this.#underWay--
        this.#ports.onDurable(drop)
      },
      () => {
        this.#underWay--
        if (this.#waiting.length < limits.waitingDrops) this.#waiting.push(drop)
        else this.#ports.onLost()
      },
    )
  }
}
