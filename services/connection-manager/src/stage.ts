import type { PodIo, PodService, Stage } from '@starling/core'
import { startPod } from './start.ts'

/** The connection-manager: sockets, streams, SASL and binding. */
export const connectionManager: Stage = {
  kind: 'pod',
  name: 'connection-manager',
  start: (io: PodIo): Promise<PodService> => startPod(io),
}
