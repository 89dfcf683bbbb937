// A worker of this machine: the coordinator forks it and talks over the process channel.
import type { Channel } from './channel.ts'
import type { Order, Report } from './messages.ts'
import { runWorker } from './worker.ts'

const channel: Channel<Report, Order> = {
  send: (message) => void (process.connected && process.send?.(message)),
  onMessage: (take) => void process.on('message', (message) => take(message as Order)),
  onClose: (tell) => void process.on('disconnect', () => tell('the coordinator is gone')),
  close: () => process.disconnect(),
}
// The terminal's Ctrl-C is the coordinator's to answer.
process.on('SIGINT', () => {})
channel.onClose(() => process.exit(0))
runWorker(channel)
