import swagger from '@fastify/swagger'
import type { Logger } from '@starling/core'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { accountRoutes } from './account-routes.ts'
import type { Accounts } from './accounts.ts'
import { type Guard, refusal, strangerRefusal } from './guard.ts'
import { type Connection, hostMetaJrd, hostMetaPaths, hostMetaXrd } from './host-meta.ts'
import { problem, sendProblem } from './problem.ts'

/** What the HTTP side of the gateway needs. */
export interface ApiOptions {
  readonly accounts: Accounts
  readonly guard: Guard
  /** What host-meta tells who asks for it at a host. */
  readonly connections: (host: string) => readonly Connection[]
  readonly version: string
  readonly logger: Logger
}

/** Where the API describes itself, to loopback without a token. */
export const openApiPath = '/api/openapi.json'

/** Largest request body. Units: bytes. */
const bodyLimit = 16_384

// A JID is at most 3 × 1023 bytes and two separators, each byte three characters when escaped in a path.
const maxParamLength = 9_300

/** The gateway's HTTP application, ready to be handed requests. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit,
    logger: false,
    routerOptions: { maxParamLength },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  app.removeContentTypeParser('text/plain') // bodies are JSON
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, { request, reply }, options.logger))
  app.setNotFoundHandler((request, reply) => {
    sendProblem(reply, problem(404, `There is nothing at ${request.method} ${pathOf(request)}: see ${openApiPath}.`))
  })
  hostMetaRoutes(app, options.connections)
  await app.register(swagger, { openapi: description(options.version) })
  await app.register(
    async (admin) => {
      admin.addHook('onRequest', async (request, reply) => {
        const caller = { address: request.socket.remoteAddress, authorization: request.headers.authorization }
        const isDescription = request.routeOptions.url === openApiPath
        const refused = isDescription ? strangerRefusal(caller, options.guard) : refusal(caller, options.guard)
        if (refused === undefined) return undefined
        if (refused.status === 401) reply.header('www-authenticate', 'Bearer realm="starling"')
        return sendProblem(reply, refused)
      })
      admin.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
      accountRoutes(admin, options.accounts)
    },
    { prefix: '/api' },
  )
  await app.ready()
  return app
}

function hostMetaRoutes(app: FastifyInstance, connections: ApiOptions['connections']): void {
  // XEP-0156 §3: web clients of any origin may read host-meta, and nothing else
  const open = (reply: FastifyReply, type: string): FastifyReply =>
    reply.header('access-control-allow-origin', '*').type(type)
  const hide = { schema: { hide: true } }
  app.get(hostMetaPaths.xrd, hide, async ({ hostname }, reply) =>
    open(reply, 'application/xrd+xml').send(hostMetaXrd(connections(hostname))),
  )
  app.get(hostMetaPaths.jrd, hide, async ({ hostname }, reply) =>
    open(reply, 'application/jrd+json').send(hostMetaJrd(connections(hostname))),
  )
}

/** Turns what fastify refuses, and what throws, into problems; only the latter is news. */
function answerError(
  error: FastifyError,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  logger: Logger,
): FastifyReply {
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500) {
    return sendProblem(reply, problem(status, `${error.message.replace(/\.$/, '')}.`))
  }
  logger.error({ what: 'gateway.bug', method: request.method, route: request.routeOptions.url, error })
  return sendProblem(reply, problem(500, 'Something is broken here; the log says what.'))
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

function description(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Starling admin API',
      version,
      description: 'Accounts of one Starling server. Errors are problems (RFC 9457) whose `detail` is a sentence.',
    },
    components: {
      securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } },
    },
    security: [{ token: [] }],
  }
}
