import { connectionManager } from '@starling/connection-manager'
import { gateway } from '@starling/gateway'
import { modules } from '@starling/modules'
import { routing } from '@starling/routing'
import { runProcess } from '@starling/runtime'
import { session } from '@starling/session'
import { storage } from '@starling/storage'
import { banner } from './banner.ts'
import { removeRunning, writeRunning } from './running-file.ts'

await runProcess({
  service: 'all-in-one',
  stages: [storage, routing, session, connectionManager, gateway],
  modules,
  onReady: ({ ports }, settings) => {
    writeRunning(settings.dataDir, settings.domain, ports)
    process.stdout.write(banner(settings, ports))
  },
  onStop: ({ dataDir }) => removeRunning(dataDir),
})
