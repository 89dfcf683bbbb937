import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** File in the data directory that says where the server of that directory listens: what `npm run starling` reads. */
export const runningFile = 'running.json'

/** Writes where this process listens. Shape: `{"pid","domain","ports":{"c2s","c2sTls","http"}}`. */
export function writeRunning(dataDir: string, domain: string, ports: Readonly<Record<string, number>>): void {
  mkdirSync(dataDir, { recursive: true })
  const file = join(dataDir, runningFile)
  writeFileSync(`${file}.new`, `${JSON.stringify({ pid: process.pid, domain, ports })}\n`)
  renameSync(`${file}.new`, file)
}

/** Takes it away again. */
export function removeRunning(dataDir: string): void {
  rmSync(join(dataDir, runningFile), { force: true })
}
