import { afterEach } from 'node:test'
import type { Envelope } from '@starling/wire'
import { sweep } from '../keepalive.ts'
import { type RunningPod, startPod } from '../start.ts'
import { connectPlain, connectSecure, type TestClient } from './client.ts'
import { type FakeIo, fakeIo } from './fake-io.ts'

/** A running pod, its surroundings, and clients that are ended with the test. */
export interface Harness {
  readonly fake: FakeIo
  readonly pod: RunningPod
  readonly plain: () => Promise<TestClient>
  readonly secure: (options?: { readonly ALPNProtocols?: string[] }) => Promise<TestClient>
  /** Envelopes of one kind published so far. */
  readonly published: <K extends Envelope['kind']>(kind: K) => Extract<Envelope, { kind: K }>[]
  /** Waits until a claim holds. */
  readonly until: (claim: () => boolean) => Promise<void>
  /** Lets time pass: the clock goes on and the sweep looks. */
  readonly pass: (ms: number) => void
}

/** Makes `start` for one test file; everything started in a test ends with it. */
export function useHarness(): (options?: Parameters<typeof fakeIo>[0]) => Promise<Harness> {
  const clients: TestClient[] = []
  const running: Harness[] = []
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end()
    for (const { pod, fake } of running.splice(0)) {
      await pod.drain(200)
      fake.close()
    }
  })
  const keep = async (client: Promise<TestClient>): Promise<TestClient> => {
    clients.push(await client)
    return client
  }
  return async (options = {}) => {
    const fake = await fakeIo(options)
    const pod = await startPod(fake.io)
    const harness: Harness = {
      fake,
      pod,
      plain: () => keep(connectPlain(pod.ports['c2s'] ?? 0)),
      secure: (more = {}) => keep(connectSecure(pod.ports['c2sTls'] ?? 0, more)),
      published: <K extends Envelope['kind']>(kind: K) =>
        fake.published.map(({ envelope }) => envelope).filter((envelope) => envelope.kind === kind) as Extract<
          Envelope,
          { kind: K }
        >[],
      until: async (claim) => {
        while (!claim()) await new Promise(setImmediate)
      },
      pass: (ms) => {
        fake.advance(ms)
        sweep(pod.pod, fake.io.monotonic())
      },
    }
    running.push(harness)
    return harness
  }
}
