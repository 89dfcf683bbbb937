import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Accounts, Done } from './accounts.ts'
import { problemSchema, problemType, sendProblem } from './problem.ts'

/** Most accounts on one page. Units: accounts. */
export const maxPage = 1_000

const jid = { type: 'string', minLength: 1, maxLength: 3_071, description: 'LOCALPART@DOMAIN' } as const
const password = { type: 'string', minLength: 1, maxLength: 1_024 } as const
const params = { type: 'object', properties: { jid }, required: ['jid'] } as const
const nothing = { type: 'null', description: 'Done.' } as const

/** Registers the accounts' endpoints. */
export function accountRoutes(api: FastifyInstance, accounts: Accounts): void {
  api.post<{ Body: { jid: string; password: string } }>(
    '/accounts',
    {
      schema: {
        summary: 'Creates an account.',
        operationId: 'createAccount',
        body: body({ jid, password }),
        response: { 201: { type: 'object', properties: { jid } }, ...problems([400, 401, 403, 409, 503]) },
      },
    },
    async ({ body: { jid, password } }, reply) => answer(reply, 201, await accounts.create(jid, password)),
  )
  api.delete<{ Params: { jid: string } }>(
    '/accounts/:jid',
    {
      schema: {
        summary: 'Deletes an account and all that is its own.',
        operationId: 'deleteAccount',
        params,
        response: { 204: nothing, ...problems([400, 401, 403, 404, 503]) },
      },
    },
    async ({ params: { jid } }, reply) => answer(reply, 204, await accounts.remove(jid)),
  )
  api.put<{ Params: { jid: string }; Body: { password: string } }>(
    '/accounts/:jid/password',
    {
      schema: {
        summary: "Sets an account's password.",
        operationId: 'setPassword',
        params,
        body: body({ password }),
        response: { 204: nothing, ...problems([400, 401, 403, 404, 503]) },
      },
    },
    async ({ params: { jid }, body: { password } }, reply) =>
      answer(reply, 204, await accounts.setPassword(jid, password)),
  )
  api.get<{ Querystring: { after: string; limit: number } }>(
    '/accounts',
    {
      // A query's values are text; everywhere else a number must be one
      preValidation: async (request) => {
        const query = request.query as { limit?: unknown }
        if (typeof query.limit === 'string' && /^\d{1,6}$/.test(query.limit)) query.limit = Number(query.limit)
      },
      schema: {
        summary: 'Lists accounts, ascending by JID, a page at a time.',
        operationId: 'listAccounts',
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            after: { type: 'string', maxLength: 3_071, default: '', description: 'The last JID of the page before.' },
            limit: { type: 'integer', minimum: 1, maximum: maxPage, default: 100 },
          },
        },
        response: {
          200: { type: 'object', properties: { jids: { type: 'array', items: jid } } },
          ...problems([400, 401, 403, 503]),
        },
      },
    },
    async ({ query: { after, limit } }, reply) => answer(reply, 200, await accounts.list(after, limit)),
  )
}

function body<P extends Readonly<Record<string, unknown>>>(properties: P) {
  return { type: 'object', additionalProperties: false, properties, required: Object.keys(properties) } as const
}

function problems(statuses: readonly number[]): Readonly<Record<number, unknown>> {
  return Object.fromEntries(
    statuses.map((status) => [status, { content: { [problemType]: { schema: problemSchema } } }]),
  )
}

function answer<T>(reply: FastifyReply, status: number, done: Done<T>): FastifyReply {
  if (done.ok) return reply.code(status).send(done.value)
  return sendProblem(reply, done.error)
}
