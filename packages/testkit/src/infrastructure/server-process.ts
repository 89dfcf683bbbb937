import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server started for tests; it survives `kill` and `start` on the same port and data. */
export interface Server {
  readonly name: string
  /** The process id of the latest start. */
  readonly pid: number
  readonly port: number
  readonly url: string
  readonly log: string
  /** How another process starts it again (`startServer`); containers have none. */
  readonly spec?: ServerSpec
  /** Ends it cleanly; killed when that takes longer than its limit. */
  readonly stop: () => Promise<void>
  /** Sends a signal; for SIGKILL waits until the process is gone. */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>
  /** Starts it again, or lets a stopped (SIGSTOP) one go on; ready when it resolves. */
  readonly start: () => Promise<void>
}

/** How a server is run. */
export interface ServerSpec {
  readonly name: string
  readonly port: number
  readonly url: string
  readonly log: string
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly uid?: number
  readonly gid?: number
  /** What its log says when it serves. */
  readonly readyText: string
  readonly stopSignal: NodeJS.Signals
  readonly stopTimeoutMs: number
  readonly startTimeoutMs: number
  /** Lives on after this process; nobody then ends it but `stop` or the reader of its pid. */
  readonly detached: boolean
}

/** Ends the server when the pipe from the parent breaks, however the parent died; a line on it says that the server has ended. */
const watchdogScript = 'read -r line && exit 0; kill -CONT $1; kill -$2 $1; sleep 5; kill -KILL $1'

/**
 * Starts a server.
 * Errors: rejects with the end of its log when it ends or does not serve within `startTimeoutMs`.
 */
export async function startServer(spec: ServerSpec): Promise<Server> {
  const before = logSize(spec.log)
  let child = launch(spec)
  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  const exited = async (timeoutMs: number): Promise<boolean> => {
    for (let waited = 0; alive() && waited < timeoutMs; waited += 20) await sleep(20)
    return !alive()
  }
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    if (signal === 'SIGSTOP') await standsStill(child.pid ?? 0)
    if (signal === 'SIGKILL') await exited(10_000)
  }
  const stop = async (): Promise<void> => {
    if (!alive()) return
    child.kill('SIGCONT')
    child.kill(spec.stopSignal)
    if (!(await exited(spec.stopTimeoutMs))) await kill('SIGKILL')
  }
  const untilReady = async (from: number): Promise<void> => {
    for (let waited = 0; waited < spec.startTimeoutMs; waited += 25) {
      if (logFrom(spec.log, from).includes(spec.readyText)) return
      if (!alive()) break
      await sleep(25)
    }
    const how = alive()
      ? `does not serve after ${spec.startTimeoutMs} ms`
      : `ended with ${child.exitCode ?? child.signalCode}`
    const tail = logFrom(spec.log, from).slice(-3000)
    await stop()
    throw new Error(`${spec.name} ${how}; its log ${spec.log} ends:\n${tail}`)
  }
  const start = async (): Promise<void> => {
    if (alive()) {
      child.kill('SIGCONT')
      return
    }
    const from = logSize(spec.log)
    child = launch(spec)
    await untilReady(from)
  }
  await untilReady(before)
  return {
    name: spec.name,
    get pid() {
      return child.pid ?? -1
    },
    port: spec.port,
    url: spec.url,
    log: spec.log,
    spec,
    stop,
    kill,
    start,
  }
}

function launch(spec: ServerSpec): ChildProcess {
  const log = openSync(spec.log, 'a')
  const ids = {
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  }
  const child = spawn(spec.program, [...spec.args], {
    cwd: spec.cwd,
    stdio: ['ignore', log, log],
    detached: true,
    ...ids,
  })
  closeSync(log)
  child.on('error', () => undefined)
  child.unref()
  if (!spec.detached) watch(child, spec.stopSignal)
  return child
}

function watch(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  const args = ['-c', watchdogScript, 'watchdog', String(child.pid), signal.slice(3)]
  const watchdog = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watchdog.on('error', () => undefined)
  watchdog.stdin.on('error', () => undefined)
  watchdog.unref()
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref()
  child.once('exit', () => watchdog.stdin.end('ended\n'))
}

function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function logFrom(path: string, from: number): string {
  return readFileSync(path).subarray(from).toString('utf8')
}

/** Units: ms that a process has to stand still; its threads stop one after another. */
const standStillMs = 2_000

/** Waits until every thread of a stopped process stands still: until then one may answer a request. */
async function standsStill(pid: number): Promise<void> {
  const end = performance.now() + standStillMs
  while (performance.now() < end) {
    const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
    const texts = await Promise.all(
      threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
    )
    // the state stands behind the name, which may hold anything but ends with the last bracket
    if (texts.every((text) => text === '' || text.slice(text.lastIndexOf(')') + 2).startsWith('T'))) return
    await sleep(5)
  }
}
