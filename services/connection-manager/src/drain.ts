import type { Pod } from './pod.ts'

const stepMs = 50
// Part of the time in which streams are ended one after another, so that clients do not all come back at once.
const pacedPart = 0.7

/**
 * Ends all streams with system-shutdown, spread over the time; what is left at its end is cut off.
 * Source: RFC 6120 §4.9.3.20.
 * Units: ms.
 */
export async function drainPod(pod: Pod, timeoutMs: number): Promise<void> {
  const startMs = pod.io.monotonic()
  const waiting = [...pod.connections.values()]
  const total = waiting.length
  while (waiting.length > 0 && passedMs(pod, startMs) < timeoutMs) {
    const due = Math.ceil((total * (passedMs(pod, startMs) + stepMs)) / Math.max(1, timeoutMs * pacedPart))
    for (const connection of waiting.splice(0, due - (total - waiting.length))) {
      connection.fail({ condition: 'system-shutdown', text: 'connect again' }, 'shutdown')
    }
    if (waiting.length > 0) await wait(pod)
  }
  for (const connection of waiting) connection.fail({ condition: 'system-shutdown' }, 'shutdown')
  while ((pod.connections.size > 0 || pod.drops.count > 0) && passedMs(pod, startMs) < timeoutMs) {
    pod.drops.retry()
    await wait(pod)
  }
  for (const connection of pod.connections.values()) {
    connection.fail({ condition: 'system-shutdown' }, 'shutdown')
    connection.link?.destroy()
  }
}

function passedMs(pod: Pod, startMs: number): number {
  return pod.io.monotonic() - startMs
}

function wait(pod: Pod): Promise<void> {
  return new Promise((resolve) => {
    pod.later(stepMs, resolve)
  })
}
