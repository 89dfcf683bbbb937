import { createServer } from 'node:http'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Moment } from '../report/result.ts'
import type { ProgressState } from './progress.ts'

/** The run as Prometheus sees it. */
export interface Metrics {
  readonly update: (moment: Moment, state: ProgressState) => void
  readonly close: () => void
}

/** Serves /metrics on loopback. Errors: rejects with a sentence when the port is taken. */
export async function serveMetrics(port: number): Promise<Metrics> {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `starling_loadtest_${name}`, help, registers: [registry], labelNames: [...labelNames] })
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `starling_loadtest_${name}`, help, registers: [registry] })
  const online = gauge('online_users', 'Users that are signed in')
  const open = gauge('open_messages', 'Messages on their way')
  const latency = gauge('message_latency_seconds', 'Latency of messages in the last second', ['quantile'])
  const cpu = gauge('generator_cpu_cores', 'CPU the generator uses')
  const serverCpu = gauge('server_cpu_cores', 'CPU a process of the server uses', ['process'])
  const serverMemory = gauge('server_memory_bytes', 'Memory a process of the server uses', ['process'])
  const sent = counter('sent_messages_total', 'Messages sent')
  const received = counter('received_messages_total', 'Messages received')
  const failures = counter('failures_total', 'Sign-ins and connections that failed')
  const server = createServer((_, response) => {
    void registry.metrics().then((text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`--metrics-port ${port}: ${error.message}`)))
    server.listen(port, '127.0.0.1', resolve)
  })
  server.unref()
  let before = 0
  return {
    update: (moment, state) => {
      const passed = Math.max(0, moment.at - before)
      before = moment.at
      online.set(moment.online)
      open.set(state.open)
      cpu.set(moment.generatorCpu)
      const quantiles = { '0.5': moment.p50, '0.99': moment.p99, '1': moment.max }
      for (const [quantile, ms] of Object.entries(quantiles))
        if (ms !== undefined) latency.set({ quantile }, ms / 1_000)
      sent.inc(Math.round(moment.sent * passed))
      received.inc(Math.round(moment.received * passed))
      failures.inc(moment.failures)
      for (const one of moment.server) {
        serverCpu.set({ process: one.name }, one.cpu)
        serverMemory.set({ process: one.name }, one.memoryMb * 1024 * 1024)
      }
    },
    close: () => void server.close(),
  }
}
