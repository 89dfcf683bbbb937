import type { Pod } from './pod.ts'

const stepMs = 50
// Part of the time in which streams are ended one after another, so that clients do not all come back at once.
const pacedPart = 0.7
// A small pod need not take its time. Units: streams.
const leastPerStep = 25

/**
 * Ends all streams with system-shutdown, spread over the time; what is left at its end is cut off.
 * Source: RFC 6120 §4.9.3.20.
 * Units: ms.
 */
export async function drainPod(pod: Pod, timeoutMs: number): Promise<void> {
  const endMs = pod.io.monotonic() + timeoutMs
  const waiting = [...pod.connections.values()]
  const perStep = Math.max(leastPerStep, Math.ceil((waiting.length * stepMs) / Math.max(1, timeoutMs * pacedPart)))
  while (waiting.length > 0 && pod.io.monotonic() < endMs) {
    for (const connection of waiting.splice(0, perStep)) {
      connection.fail({ condition: 'system-shutdown', text: 'connect again' }, 'shutdown')
    }
    if (waiting.length > 0) await wait(pod)
  }
  while ((pod.connections.size > 0 || pod.drops.count > 0 || isWriting(pod)) && pod.io.monotonic() < endMs) {
    pod.drops.retry()
    pod.roll.retry()
    await wait(pod)
  }
  for (const connection of pod.connections.values()) {
    connection.fail({ condition: 'system-shutdown' }, 'shutdown')
    connection.link?.destroy()
  }
  await pod.trims.flush()
  // What is not struck out by now, others sweep.
  if (pod.io.inbox.isLeased()) await pod.roll.end(pod.io.inbox.target(0)).catch(() => {})
}

/** Whether the roll is still being written; with presence away it is left to those who sweep. */
function isWriting(pod: Pod): boolean {
  return pod.roll.count > 0 && pod.io.presence.isUp()
}

function wait(pod: Pod): Promise<void> {
  return new Promise((resolve) => {
    pod.later(stepMs, resolve)
  })
}
