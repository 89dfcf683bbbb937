import type { FastifyReply } from 'fastify'

/** An answer that is no success. Source: RFC 9457 §3. */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  /** A sentence for people. */
  readonly detail: string
}

/** Media type of a problem. */
export const problemType = 'application/problem+json'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** A problem with its standard title. */
export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: titles[status] ?? 'Error', status, detail }
}

/** Shape of a problem, for the API's description. */
export const problemSchema = {
  type: 'object',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'A sentence for people.' },
  },
  required: ['type', 'title', 'status', 'detail'],
} as const

/** Answers with a problem. */
export function sendProblem(reply: FastifyReply, refused: Problem): FastifyReply {
  return reply.code(refused.status).type(problemType).send(JSON.stringify(refused))
}
