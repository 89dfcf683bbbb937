import type { State } from '@starling/wire'
import { applyChange, type RoutedAccount, takesMessages } from './account.ts'
import type { Outputs } from './outputs.ts'

/**
 * Takes a change of an account's sessions (R5) and does what shows of it; an `isApplied` change was saved before, so only its
 * outward effects are done again (R4).
 */
export function changeState(state: State, account: RoutedAccount, isApplied: boolean, outputs: Outputs): RoutedAccount {
  const { head, key, atMs } = state
  const after = isApplied ? account : applyChange(account, head)
  switch (head.change) {
    case 'bound':
      outputs.emit('pod', {
        kind: 'bound',
        key: '',
        atMs,
        target: head.target,
        head: { jid: `${key}/${head.resource}` },
        raw: head.reply,
      })
      break
    case 'updated':
      // XEP-0160 §2: offline messages go to the first resource that takes messages. A stanza on its way shows no difference.
      if (
        takesMessages(after.sessions.get(head.resource)) &&
        (isApplied || !takesMessages(account.sessions.get(head.resource)))
      ) {
        outputs.emit('storage', { kind: 'flush', key, atMs, head: { resource: head.resource } })
      }
      break
    case 'kicked':
      outputs.emit('pod', {
        kind: 'close',
        key: '',
        atMs,
        target: head.target,
        head: { condition: head.condition, text: head.text },
      })
      break
    case 'refused':
      outputs.write(head.target, head.reply)
      break
    case 'ended':
    case 'settings':
      break
    default:
      head satisfies never
  }
  return after
}
