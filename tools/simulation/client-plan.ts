import type { BareJid } from '@starling/jid'
import type { Engine } from './engine.ts'
import type { Ledger } from './ledger.ts'
import type { SimulatedPod } from './pod.ts'

/** What a client is and does. */
export interface ClientPlan {
  readonly name: string
  readonly account: BareJid
  readonly resource: string
  readonly hasSm: boolean
  readonly hasCarbons: boolean
  /** Accounts it writes to. */
  readonly others: readonly BareJid[]
  /** Messages it will send. */
  readonly messages: number
}

/** What clients share. */
export interface Surroundings {
  readonly engine: Engine
  readonly ledger: Ledger
  /** Pods that a client may reach. */
  readonly pods: () => readonly SimulatedPod[]
  /** Lets a pod stand still for a moment. */
  readonly stall: (pod: SimulatedPod) => void
  /** Whether faults are over: then everybody wants to come to rest. */
  readonly isCalm: () => boolean
}
