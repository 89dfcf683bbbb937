import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startInfrastructure, startServer } from '@starling/testkit'
import type { PeerFile } from '../coordinator/find-target.ts'
import { ejabberd } from './ejabberd.ts'
import { type Peer, type PeerPlace, peerDomain } from './peer.ts'
import { prosody } from './prosody.ts'

const all: readonly Peer[] = [ejabberd, prosody]
const startTimeoutMs = 60_000
const stopTimeoutMs = 20_000

/** Installs, starts or stops a server to compare with; returns lines for people. Errors: rejects with a sentence. */
export async function manageTarget(
  name: string,
  verb: 'install' | 'up' | 'down' | 'status',
  runDir: string,
): Promise<readonly string[]> {
  const peer = all.find((one) => one.name === name)
  if (peer === undefined) throw new Error(`there is no target ${name}: ${all.map((one) => one.name).join(', ')}`)
  const folder = join(runDir, 'targets')
  switch (verb) {
    case 'install':
      return install(peer)
    case 'up':
      return up(peer, folder)
    case 'down':
      return down(peer, folder)
    case 'status':
      return running(peer, folder) === undefined ? [`${name} does not run`] : [`${name} runs`]
    default:
      return verb satisfies never
  }
}

/** From Debian's packages, without letting them start services of their own. */
function install(peer: Peer): readonly string[] {
  if (process.getuid?.() !== 0) throw new Error(`installing needs root: apt-get install ${peer.packages.join(' ')}`)
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = !existsSync(policy)
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const packages = [...peer.packages, 'postgresql', 'openssl']
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env, stdio: ['ignore', 2, 2] })
  } finally {
    if (isOurs) rmSync(policy)
  }
  return [`${peer.name} is installed`]
}

async function up(peer: Peer, base: string): Promise<readonly string[]> {
  if (!existsSync(peer.proof))
    throw new Error(`${peer.name} is not installed: npm run loadtest -- target ${peer.name} install`)
  if (running(peer, base) !== undefined) return [`${peer.name} runs already`]
  await down(peer, base)
  const folder = join(base, peer.name)
  mkdirSync(folder, { recursive: true })
  const isNew = !existsSync(join(folder, 'postgres'))
  const { postgres } = await startInfrastructure({ directory: folder, postgres: true, detached: true })
  if (postgres === undefined) throw new Error('PostgreSQL does not start')
  try {
    const url = new URL(postgres.url)
    const database = { host: url.hostname, port: postgres.port, user: url.username, name: url.pathname.slice(1) }
    const place: PeerPlace = { folder, ports: peer.ports, database, ...certificate(folder) }
    if (isNew && peer.schemaFile !== '') loadSchema(peer.schemaFile, postgres.url)
    for (const [name, text] of Object.entries(peer.files(place))) writeFileSync(join(folder, name), text)
    const assignments = Object.entries(peer.environment(place)).map(([name, value]) => `${name}=${value}`)
    const server = await startServer({
      name: peer.name,
      port: peer.ports.c2s,
      url: '',
      log: join(folder, 'output.log'),
      // env replaces itself by the program: the pid stays.
      program: '/usr/bin/env',
      args: [...assignments, peer.program, ...peer.args(place)],
      cwd: folder,
      readyText: peer.readyText,
      stopSignal: 'SIGTERM',
      stopTimeoutMs,
      startTimeoutMs,
      detached: true,
    })
    const processes = [
      { name: peer.name, pid: server.pid },
      { name: 'postgres', pid: postgres.pid },
    ]
    const file: PeerFile = { domain: peerDomain, ports: peer.ports, processes }
    writeFileSync(join(base, `${peer.name}.json`), `${JSON.stringify(file, undefined, 2)}\n`)
  } catch (error) {
    await postgres.stop()
    throw error
  }
  return [`${peer.name} serves ${peerDomain} on 127.0.0.1:${peer.ports.c2s}, PostgreSQL on ${postgres.port}`]
}

async function down(peer: Peer, base: string): Promise<readonly string[]> {
  const left = leftOf(peer, base)
  // Half of it may be gone: what is left is stopped all the same.
  for (const { name, pid } of left) {
    // PostgreSQL: "fast" shutdown.
    process.kill(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM')
    for (let waited = 0; isAlive(pid) && waited < stopTimeoutMs; waited += 50) await sleep(50)
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
  rmSync(join(base, `${peer.name}.json`), { force: true })
  if (left.length === 0) return [`${peer.name} does not run`]
  return [`${peer.name} is stopped; its data stays in ${join(base, peer.name)}`]
}

/** What runs, if all of it does. */
function running(peer: Peer, base: string): PeerFile | undefined {
  const file = readPeer(peer, base)
  return file !== undefined && leftOf(peer, base).length === file.processes.length ? file : undefined
}

/** Those of its processes that are still the ones that were started. */
function leftOf(peer: Peer, base: string): PeerFile['processes'] {
  const processes = readPeer(peer, base)?.processes ?? []
  return processes.filter(({ pid }) => isAlive(pid) && holds(pid, join(base, peer.name)))
}

function readPeer(peer: Peer, base: string): PeerFile | undefined {
  const path = join(base, `${peer.name}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as PeerFile) : undefined
}

/** Whether a process works in a folder: a process id alone may be somebody else's by now. */
function holds(pid: number, folder: string): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return text.includes(folder) || text.includes('starling-postgres-')
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** A self-signed certificate, made once: RSA of 2048 bits for everybody. */
function certificate(folder: string): { readonly certificate: string; readonly key: string } {
  const pem = join(folder, 'server.pem')
  const key = join(folder, 'server.key')
  if (!existsSync(pem)) {
    const subject = ['-subj', `/CN=${peerDomain}`, '-addext', `subjectAltName=DNS:${peerDomain}`]
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '3650',
      '-keyout',
      key,
      '-out',
      pem,
      ...subject,
    ]
    execFileSync('openssl', args, { stdio: 'ignore' })
    writeFileSync(pem, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'))
  }
  return { certificate: pem, key }
}

function loadSchema(file: string, url: string): void {
  execFileSync('psql', ['-q', '-v', 'ON_ERROR_STOP=1', '-f', file, url], { stdio: ['ignore', 'ignore', 2] })
}
