import { parentPort, workerData } from 'node:worker_threads'
import { JournalFile } from './journal-file.ts'
import type { Reply, Request, ThreadData } from './thread-words.ts'

// The thread that holds the journal's file, and works off one request after the other.

let file: JournalFile | undefined

/** Opens the file at the first request, and again at the next if that failed. */
function opened(): JournalFile {
  file ??= new JournalFile(workerData as ThreadData)
  return file
}

function answer(reply: Reply, moved: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(reply, moved)
}

function failed(error: unknown, buffer: ArrayBuffer | undefined): void {
  const message = error instanceof Error ? error.message : String(error)
  answer({ kind: 'failed', message, buffer }, buffer === undefined ? [] : [buffer])
}

function read(after: number): void {
  try {
    const rows = opened().read(after)
    answer(
      { kind: 'rows', rows },
      rows.map(({ bytes }) => bytes.buffer),
    )
  } catch (error) {
    failed(error, undefined)
  }
}

function write({ seq, bytes, dropBelow }: Request & { readonly do: 'write' }): void {
  try {
    opened().write(seq, bytes)
  } catch (error) {
    failed(error, bytes.buffer)
    return
  }
  answer({ kind: 'written', buffer: bytes.buffer }, [bytes.buffer])
  try {
    opened().tidy(dropBelow)
  } catch {
    // The rows stay a while longer: the next drop takes them too. A disk without room shows at the next write.
  }
}

parentPort?.on('message', (request: Request) => {
  switch (request.do) {
    case 'read':
      return read(request.after)
    case 'write':
      return write(request)
    case 'close':
      file?.close()
      parentPort?.close()
      return
    default:
      request satisfies never
  }
})
