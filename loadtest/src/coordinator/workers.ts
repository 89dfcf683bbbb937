import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Channel } from '../worker/channel.ts'
import type { Order, Report } from '../worker/messages.ts'

/** The coordinator's end of the way to a worker. */
export type WorkerChannel = Channel<Order, Report>

const main = fileURLToPath(new URL('../worker/main.ts', import.meta.url))

/** Starts a worker process on this machine. */
export function forkWorker(): WorkerChannel {
  const child: ChildProcess = fork(main, [], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  let isClosing = false
  return {
    send: (message) => void (child.connected && child.send(message)),
    onMessage: (take) => void child.on('message', (message) => take(message as Report)),
    onClose: (tell) => {
      child.on('error', (error) => tell(`a worker does not start: ${error.message}`))
      child.on('exit', (code, signal) => {
        if (!isClosing) tell(`a worker ended by itself (${signal ?? `code ${code}`})`)
      })
    },
    close: () => {
      isClosing = true
      if (child.connected) child.disconnect()
      else child.kill('SIGKILL')
    },
  }
}
