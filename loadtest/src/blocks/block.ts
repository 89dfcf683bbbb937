import type { Block } from '../scenario/scenario.ts'
import type { Crowd } from '../worker/crowd.ts'
import { startChat } from './chat.ts'
import { startFlaps } from './flaps.ts'
import { startHistory } from './history.ts'
import { startLoginStorm } from './login-storm.ts'
import { startPages } from './pages.ts'
import { startPresence } from './presence.ts'

/** A running block. */
export interface RunningBlock {
  /** No further events; what is under way goes on. */
  readonly stop: () => void
}

/** Groups whose users are not signed in before the load begins, or not all of them. */
export function staysOff(blocks: readonly Block[], group: number, place: number): boolean {
  return blocks.some(
    (block) => block.group === group && (block.kind === 'loginStorm' || (block.kind === 'history' && place % 2 === 1)),
  )
}

/** Starts a block's load. */
export function startBlock(block: Block, crowd: Crowd): RunningBlock {
  const group = crowd.groups[block.group] ?? []
  switch (block.kind) {
    case 'idle':
      return { stop: () => {} }
    case 'chat':
      return startChat(block, group, crowd)
    case 'presence':
      return startPresence(block, group, crowd)
    case 'loginStorm':
      return startLoginStorm(block, group, crowd)
    case 'history':
      return startHistory(block, group, crowd)
    case 'pages':
      return startPages(block, group, crowd)
    case 'flaps':
      return startFlaps(block, group, crowd)
    default:
      return block satisfies never
  }
}

/** A block of one kind. */
export type BlockOf<K extends Block['kind']> = Extract<Block, { readonly kind: K }>
