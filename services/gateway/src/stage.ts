import type { Logger, PodIo, PodService, Settings, Stage } from '@starling/core'
import { createAccounts } from './accounts.ts'
import { adminToken } from './admin-token.ts'
import { createApi } from './api.ts'
import { connectionsOf, domainAsked, hostMetaPaths } from './host-meta.ts'

/** HTTP for people and programs: the admin API and host-meta (DESIGN §1). */
export const gateway: Stage = { kind: 'pod', name: 'gateway', start }

async function start(io: PodIo): Promise<PodService> {
  const { settings, domain, isServed, random, logger, inbox, registry } = io
  const accounts = createAccounts({ domain, isServed, iterations: settings.scram.iterations, random, ask: inbox.ask })
  const guard = { token: await tokenOf(settings, logger), allowRemote: settings.admin.allowRemote }
  const { version } = registry.support.software
  const connections = (host: string) => connectionsOf(settings, domainAsked(host, settings, isServed))
  const api = await createApi({ accounts, guard, connections, version, logger })
  for (const prefix of ['/api', ...Object.values(hostMetaPaths)]) {
    io.http.route(prefix, (request, response) => api.routing(request, response))
  }
  return {
    ports: {},
    isReady: () => true,
    drain: async () => {
      await api.close()
    },
  }
}

/** Without a token the admin API refuses everyone; the rest of the process goes on. */
async function tokenOf(settings: Settings, logger: Logger): Promise<string> {
  try {
    return await adminToken(settings)
  } catch (error) {
    logger.error({ what: 'gateway.no-admin-token', hint: 'set admin.token (STARLING_ADMIN_TOKEN)', error })
    return ''
  }
}
