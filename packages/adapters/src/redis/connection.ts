import { PresenceError } from '@starling/core'
import { Redis } from 'ioredis'
import type { Script } from './scripts.ts'

/** A request to Redis. */
export interface Command {
  readonly name: string
  readonly args: readonly (string | Buffer)[]
}

/** A run of a script. */
export interface ScriptCall {
  readonly keys: readonly string[]
  readonly args: readonly (string | Buffer)[]
}

/** How the connection is kept. */
export interface ConnectionOptions {
  readonly url: string
  /** Where the URL has none; empty: none. */
  readonly password: string
  /** PEM texts, for `rediss://`; without, the system's authorities are trusted. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  /** Units: ms a call may take, waiting for the connection included. */
  readonly timeoutMs: number
  /** Units: calls not yet answered; above it calls reject at once. */
  readonly maxPendingCalls: number
  /** Units: ms between two attempts to connect. */
  readonly maxBackoffMs: number
  readonly onEvent: (what: string, detail: Readonly<Record<string, unknown>>) => void
}

/**
 * One connection to Redis that comes back by itself.
 * Errors: calls reject with PresenceError while the server is away, and when it answers with an error.
 */
export interface Connection {
  /** Sends all in one pipeline, on the connection of that number alone where one is named. Order: replies as asked. */
  readonly commands: (commands: readonly Command[], on?: number) => Promise<readonly unknown[]>
  /** Runs a script for each call, all in one pipeline. Order: replies as asked. */
  readonly scripts: (script: Script, calls: readonly ScriptCall[]) => Promise<readonly unknown[]>
  /** Connections made so far. */
  readonly count: () => number
  readonly isUp: () => boolean
  readonly close: () => Promise<void>
}

type Reply = readonly [Error | null, unknown]

/** A call on its way: set once its caller has been told that it failed. */
interface Call {
  /** The only connection it may be sent on. */
  readonly on: number | undefined
  late: boolean
  /** Ends its wait for the connection. */
  leave: () => void
}

/** Opens the connection; it may come up later. */
export function redisConnection(options: ConnectionOptions): Connection {
  const { timeoutMs, maxPendingCalls, maxBackoffMs, onEvent } = options
  let closed = false
  let pending = 0
  let connections = 0
  const redis = new Redis(withPassword(options), {
    ...(options.tls === undefined ? {} : { tls: { ...options.tls } }),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: Math.max(timeoutMs, 1000),
    // A server that hangs loses the connection, and with it what waits for its answer.
    socketTimeout: timeoutMs,
    retryStrategy: (times) => Math.min(25 * 2 ** Math.min(times, 16), maxBackoffMs),
  })
  const waiting = new Set<() => void>()
  redis.on('ready', () => {
    connections++
    onEvent('presence.up', {})
    for (const go of waiting) go()
  })
  redis.on('close', () => onEvent('presence.down', {}))
  // What goes wrong shows as a failed call too; without a listener it would end the process.
  redis.on('error', (error: Error) => onEvent('presence.fault', { error: error.message }))
  const exec = pipelined(redis)

  const send = async (call: Call, commands: readonly Command[]): Promise<readonly Reply[]> => {
    const { on } = call
    if (on !== undefined && (on !== connections || redis.status !== 'ready')) {
      throw new PresenceError('the connection that it was for is over')
    }
    if (redis.status !== 'ready') {
      await new Promise<void>((resolve) => {
        call.leave = resolve
        waiting.add(resolve)
      })
      waiting.delete(call.leave)
    }
    // Its caller was told that it failed: it must not happen after that.
    if (call.late) throw new LateError()
    return commands.length === 0 ? [] : exec(commands)
  }

  const guarded = async <T>(on: number | undefined, work: (call: Call) => Promise<T>): Promise<T> => {
    if (closed) throw new PresenceError('presence is closed')
    if (pending >= maxPendingCalls) throw new PresenceError(`${pending} calls wait for Redis: none more is taken`)
    pending++
    const call: Call = { on, late: false, leave: () => {} }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new LateError()), timeoutMs)
    })
    try {
      return await Promise.race([work(call), late])
    } catch (error) {
      throw error instanceof PresenceError ? error : new PresenceError('Redis is away', { cause: error })
    } finally {
      call.late = true
      call.leave()
      pending--
      clearTimeout(timer)
    }
  }

  const scripts = async (call: Call, script: Script, calls: readonly ScriptCall[]): Promise<readonly unknown[]> => {
    const command = (name: string, what: string, { keys, args }: ScriptCall): Command => {
      return { name, args: [what, String(keys.length), ...keys, ...args] }
    }
    const replies = [
      ...(await send(
        call,
        calls.map((each) => command('EVALSHA', script.sha, each)),
      )),
    ]
    // A server that does not know the script (new, or restarted) did nothing: sent whole, it learns it.
    const unknown = replies.flatMap(([error], at) => (error?.message.startsWith('NOSCRIPT') ? [at] : []))
    const again = calls.filter((_, at) => unknown.includes(at))
    const second = await send(
      call,
      again.map((each) => command('EVAL', script.text, each)),
    )
    unknown.forEach((at, index) => {
      replies[at] = second[index] ?? [new Error('no reply'), undefined]
    })
    return replies.map(replyValue)
  }

  return {
    commands: (commands, on) => guarded(on, async (call) => (await send(call, commands)).map(replyValue)),
    scripts: (script, calls) => guarded(undefined, (call) => scripts(call, script, calls)),
    count: () => connections,
    isUp: () => !closed && redis.status === 'ready',
    close: async () => {
      closed = true
      redis.disconnect()
    },
  }
}

/** The URL with the password where it has none: a user without one would hide what is given beside it. */
function withPassword({ url, password }: Pick<ConnectionOptions, 'url' | 'password'>): string {
  if (password === '') return url
  const parsed = new URL(url)
  if (parsed.password === '') parsed.password = encodeURIComponent(password)
  return parsed.href
}

/** What comes within one turn of the event loop goes out as one pipeline. */
function pipelined(redis: Redis): (commands: readonly Command[]) => Promise<readonly Reply[]> {
  let queue: { readonly commands: readonly Command[]; readonly done: (replies: readonly Reply[]) => void }[] = []
  const flush = async (): Promise<void> => {
    const batch = queue
    queue = []
    const pipeline = redis.pipeline()
    for (const { commands } of batch) for (const { name, args } of commands) pipeline.callBuffer(name, ...args)
    const failed = (error: unknown): readonly Reply[] =>
      batch.flatMap(({ commands }) => commands.map((): Reply => [asError(error), undefined]))
    const replies = await pipeline.exec().catch(failed)
    let at = 0
    for (const { commands, done } of batch) {
      const first = at
      at += commands.length
      done(commands.map((_, index) => replies?.[first + index] ?? [new Error('no reply'), undefined]))
    }
  }
  return (commands) =>
    new Promise((done) => {
      if (queue.length === 0) setImmediate(() => void flush())
      queue.push({ commands, done })
    })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function replyValue([error, reply]: Reply): unknown {
  if (error !== null) throw error
  return reply
}

class LateError extends Error {
  override readonly name = 'LateError'
  override readonly message = 'no answer in time'
}
