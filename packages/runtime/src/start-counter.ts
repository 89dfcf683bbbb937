import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Offsets one start of the embedded log may use. Units: records a partition. */
export const offsetsPerStart = 2 ** 32

/**
 * Counts this start in the data directory and returns where the embedded log's offsets begin: above those of every earlier
 * start, since archive ids and marks are offsets (R9). Durable before it returns.
 * Errors: throws when the directory cannot be written, or when the counter's file is not a number.
 */
export function countStart(dataDir: string): number {
  mkdirSync(dataDir, { recursive: true })
  const file = join(dataDir, 'starts')
  const starts = readCount(file) + 1
  const next = `${file}.new`
  const descriptor = openSync(next, 'w', 0o600)
  writeSync(descriptor, `${starts}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(next, file)
  const directory = openSync(dataDir, 'r')
  fsyncSync(directory)
  closeSync(directory)
  return starts * offsetsPerStart
}

function readCount(file: string): number {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
  const count = Number(text.trim())
  if (!Number.isSafeInteger(count) || count < 0)
    throw new Error(`${file} should hold the number of starts, and does not`)
  return count
}
