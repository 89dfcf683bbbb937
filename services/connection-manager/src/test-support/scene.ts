import { createRegistry, type Module } from '@starling/core'
import type { StreamScene } from '../stream-scene.ts'
import { domain } from './fake-io.ts'

/** Surroundings for the pure machine. */
export function testScene(changes: Partial<StreamScene> & { readonly modules?: readonly Module[] } = {}): StreamScene {
  return {
    domain,
    isServed: (other) => other === domain,
    transport: 'tcp',
    isTlsRequired: false,
    registry: createRegistry(changes.modules ?? [], {}, { name: 'Starling', version: '0' }),
    streamId: () => 'stream-1',
    nonce: () => 'servernonce',
    channelBindings: () => [],
    channelBinding: () => undefined,
    pretendSalt: () => ({ salt: Buffer.from('salt'), iterations: 4096 }),
    resumeSeconds: 300,
    isSasl2On: false,
    areTokensOn: false,
    clientName: (_account, client) => `name-of-${client}`,
    refusal: () => undefined,
    ...changes,
  }
}
