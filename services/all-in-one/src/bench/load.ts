import { setTimeout as sleep } from 'node:timers/promises'
import { type LoadUser, numbered, signIn } from './load-user.ts'

/** Users in pairs, signed in, and the messages they send each other. */
export interface Load {
  /** Messages at a fixed rate whatever comes back. Units: messages a second, ms. */
  readonly atRate: (run: LoadRun & { readonly perSecond: number }) => Promise<LoadResult>
  /** As many as go: each user has `inFlight` messages on the way. */
  readonly atFull: (run: LoadRun & { readonly inFlight: number }) => Promise<LoadResult>
  readonly end: () => void
}

/** What is sent, and how long. */
export interface LoadRun {
  readonly durationMs: number
  /** Goes into each message beside its body. */
  readonly payload: string
}

/** What came of a run, every message reconciled. Units: messages, ms. */
export interface LoadResult {
  readonly sent: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Users of a load, made by whoever runs the server. */
export interface LoadSetup {
  readonly domain: string
  /** Ports for clients; users are spread over them. */
  readonly ports: readonly number[]
  readonly names: readonly string[]
  readonly password: string
}

const bodyLength = 80
const maxMessages = 2_000_000
const lossAfterMs = 10_000
const signInsAtOnce = 10

/** Signs all users in. Errors: rejects when one cannot. */
export async function startLoad(setup: LoadSetup): Promise<Load> {
  const tally = createTally()
  const users: LoadUser[] = []
  const fail = (error: Error): void => tally.fail(error)
  for (let at = 0; at < setup.names.length; at += signInsAtOnce) {
    const some = setup.names.slice(at, at + signInsAtOnce).map((name, i) => {
      const port = setup.ports[(at + i) % setup.ports.length] ?? 0
      const { domain, password } = setup
      return signIn({ port, domain, name, password, onMessage: tally.received, onError: fail })
    })
    users.push(...(await Promise.all(some)))
  }
  const send = (user: number, payload: string, intendedAt: number): void => {
    const number = tally.sent(user, intendedAt)
    const to = `${setup.names[user ^ 1]}@${setup.domain}`
    const body = numbered(number, bodyLength)
    users[user]?.send(`<message to='${to}' type='chat' id='m${number}'><body>${body}</body>${payload}</message>`)
  }
  return {
    atRate: async ({ durationMs, payload, perSecond }) => {
      tally.begin(() => {})
      const start = performance.now()
      const total = Math.floor((durationMs * perSecond) / 1000)
      for (let sent = 0; sent < total; ) {
        const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1000) + 1)
        // From the time it was meant for, so that a stall of ours or theirs counts (no coordinated omission).
        for (; sent < due; sent++) send(sent % users.length, payload, start + (sent * 1000) / perSecond)
        await sleep(1)
      }
      return tally.finish()
    },
    atFull: async ({ durationMs, payload, inFlight }) => {
      const end = performance.now() + durationMs
      tally.begin((user) => {
        const now = performance.now()
        if (now < end) send(user, payload, now)
      })
      for (let i = 0; i < inFlight; i++) users.forEach((_, user) => void send(user, payload, performance.now()))
      await sleep(durationMs)
      return tally.finish()
    },
    end: () => {
      for (const user of users) user.end()
    },
  }
}

/** Numbers every message and reconciles what arrives. */
function createTally() {
  const intended = new Float64Array(maxMessages)
  const latency = new Float64Array(maxMessages)
  const sender = new Uint16Array(maxMessages)
  const arrived = new Uint8Array(maxMessages)
  const highest = new Map<number, number>()
  let next = 0
  let first = 0
  let startedAt = 0
  let lastAt = 0
  let fresh = 0
  let duplicated = 0
  let reordered = 0
  let failure: Error | undefined
  let onArrived: (user: number) => void = () => {}
  return {
    fail: (error: Error): void => {
      failure ??= error
    },
    begin: (then: (user: number) => void): void => {
      first = next
      fresh = 0
      duplicated = 0
      reordered = 0
      onArrived = then
      startedAt = performance.now()
      lastAt = startedAt
    },
    sent: (user: number, intendedAt: number): number => {
      if (next >= maxMessages) throw new Error(`a load has ${maxMessages} messages at most`)
      intended[next] = intendedAt
      sender[next] = user
      return next++
    },
    received: (number: number): void => {
      if (arrived[number] === 1) {
        duplicated++
        return
      }
      arrived[number] = 1
      fresh++
      lastAt = performance.now()
      latency[number] = lastAt - (intended[number] ?? 0)
      const user = sender[number] ?? 0
      if (number < (highest.get(user) ?? -1)) reordered++
      else highest.set(user, number)
      onArrived(user)
    },
    finish: async (): Promise<LoadResult> => {
      const quietAt = (): boolean => performance.now() - lastAt > lossAfterMs
      while (fresh < next - first && !quietAt() && failure === undefined) await sleep(10)
      if (failure !== undefined) throw failure
      const sorted = latency
        .slice(first, next)
        .filter((_, i) => arrived[first + i] === 1)
        .sort()
      const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
      const sent = next - first
      const perSecond = fresh / ((lastAt - startedAt) / 1000)
      return { sent, lost: sent - fresh, duplicated, reordered, perSecond, p50Ms: at(0.5), p99Ms: at(0.99) }
    },
  }
}
