// `node tools/bootstrap.mjs [--watch] SCRIPT.ts ARGUMENTS…`: installs what is missing, then runs the script on a Node that
// strips types. Plain JavaScript that Node 18 runs, because it starts before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isNodeEnough, neededNode, readArguments, whyInstall } from './bootstrap/decisions.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { watch, script, rest } = readArguments(process.argv.slice(2))
if (script === undefined) fail('usage: node tools/bootstrap.mjs [--watch] SCRIPT.ts ARGUMENTS…')
install()
run(findNode())

function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}

function install() {
  const lockFile = join(root, 'package-lock.json')
  const marker = join(root, 'node_modules', '.starling-installed')
  const record = join(root, 'node_modules', '.package-lock.json')
  const lock = readFileSync(lockFile, 'utf8')
  const hash = createHash('sha256').update(lock).digest('hex')
  if (existsSync(record) && existsSync(marker) && readFileSync(marker, 'utf8') === hash) return
  const why = whyInstall(JSON.parse(lock), existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined)
  if (why !== undefined) {
    console.error(`${why}: running npm install`)
    // Not `npm ci`: it refuses a lock file without the binaries for other systems, and a registry may not have them all.
    // --no-save installs what the lock file says and leaves it alone.
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
    const done = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
    if (done.status !== 0) fail('npm install failed: see above')
  }
  writeFileSync(marker, hash)
}

function findNode() {
  if (isNodeEnough(process.versions.node)) return process.execPath
  const own = join(root, 'node_modules', 'node', 'bin', 'node')
  if (existsSync(own)) return own
  return fail(
    `Node ${neededNode.join('.')} or newer is needed: this is ${process.version}, and the package "node" in node_modules is not there`,
  )
}

function run(node) {
  // Twice the room for what lives shortly: a tenth less CPU under full load, taken only when so much is made (docs/benchmarks.md)
  const options = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32', ...(watch ? ['--watch'] : [])]
  const child = spawn(node, [...options, script, ...rest], { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
  // A terminal's Ctrl-C reaches the child by itself; a second one would say "at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}
