import { parentPort, workerData } from 'node:worker_threads'
import { Database, failure } from './database.ts'
import { type Answer, pack, type Reply, type Request } from './frame.ts'

// The worker thread of the SQLite adapter: it holds the file, and works off one request after the other.

const { file } = workerData as { readonly file: string }
let database: Database | undefined

/** Opens the file at the first request, and again at the next if that failed. */
function opened(): Database {
  database ??= new Database(file)
  return database
}

function work(request: Request): readonly Answer[] {
  switch (request.do) {
    case 'migrate':
      return [{ ok: true, counts: [opened().migrate()], rows: pack([]) }]
    case 'run':
      return opened().run(request.calls)
    case 'close':
      database?.close()
      parentPort?.close()
      return []
    default:
      return request satisfies never
  }
}

parentPort?.on('message', (request: Request) => {
  let answers: readonly Answer[]
  try {
    answers = work(request)
  } catch (error) {
    const failed = failure(error)
    answers = request.do === 'run' ? request.calls.map(() => failed) : [failed]
  }
  const reply: Reply = { answers }
  const moved = answers.flatMap((answer) =>
    answer.ok && answer.rows.bytes.length > 0 ? [answer.rows.bytes.buffer] : [],
  )
  if (request.do !== 'close') parentPort?.postMessage(reply, moved)
})
