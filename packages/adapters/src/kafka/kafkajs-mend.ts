import { createRequire } from 'node:module'

/** The queue of requests of one kafkajs connection, as far as the mend looks at it. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
}

type Check = (this: RequestQueue) => void

const mended = Symbol.for('starling.kafkajs.mended')

/**
 * Stops the timer that kafkajs 2.2.4 re-arms every millisecond on every connection, with a negative delay (tulios/kafkajs #1751).
 * It costs 2.4 % of a core idle and makes Node 24 warn (TimeoutNegativeWarning). The check is needed only while requests wait or
 * the broker throttles us, and each answer makes it anyway; so it is left out otherwise. kafkajs is pinned: look again when it moves.
 */
export function mendKafkajs(): void {
  const queue: { readonly prototype: { scheduleCheckPendingRequests: Check & { [mended]?: true } } } = createRequire(
    import.meta.url,
  )('kafkajs/src/network/requestQueue')
  const check = queue.prototype.scheduleCheckPendingRequests
  if (check[mended]) return
  const mendedCheck: Check & { [mended]?: true } = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) check.call(this)
  }
  mendedCheck[mended] = true
  queue.prototype.scheduleCheckPendingRequests = mendedCheck
}
