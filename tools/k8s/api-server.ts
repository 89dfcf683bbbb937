import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunResult, run } from '../run.ts'

/** An API server of Kubernetes that nobody else has, without nodes: it judges manifests, and runs nothing. */
export interface ApiServer {
  /** Variables that make kubectl ask it. */
  readonly environment: Readonly<Record<string, string>>
  readonly kubectl: (...args: readonly string[]) => Promise<RunResult>
  readonly end: () => Promise<void>
}

/** Units: ms. */
const times = { startMs: 120_000, commandMs: 120_000, lookMs: 250 } as const

/**
 * Starts etcd and kube-apiserver out of a folder that holds both, on loopback.
 * Errors: rejects with the end of the server's log when it does not become ready.
 */
export async function startApiServer(programs: string): Promise<ApiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'starling-api-server-'))
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${client}`
  const peers = `http://127.0.0.1:${peer}`
  const token = randomBytes(24).toString('hex')
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = {
    signing: file('sa.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    public: file('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString()),
  }
  const tokens = file('tokens.csv', `${token},admin,admin,system:masters\n`)
  const kubeconfig = file('kubeconfig', kubeconfigOf(port, token))
  mkdirSync(join(directory, 'home'))
  const started: ChildProcess[] = []
  const start = (name: string, args: readonly string[]): void => {
    const log = openSync(join(directory, `${name}.log`), 'a')
    started.push(spawn(join(programs, name), [...args], { stdio: ['ignore', log, log] }))
  }
  const end = async (): Promise<void> => {
    for (const child of started.toReversed()) {
      if (child.exitCode !== null) continue
      child.kill('SIGKILL') // nothing of it is kept
      await new Promise((resolve) => child.once('exit', resolve))
    }
    rmSync(directory, { recursive: true, force: true })
  }
  start('etcd', [
    ...['--data-dir', join(directory, 'etcd'), '--listen-client-urls', etcd, '--advertise-client-urls', etcd],
    ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`],
  ])
  start('kube-apiserver', [
    ...[`--etcd-servers=${etcd}`, `--cert-dir=${join(directory, 'certificates')}`, '--bind-address=127.0.0.1'],
    ...[`--secure-port=${port}`, '--service-cluster-ip-range=10.0.0.0/24', '--authorization-mode=RBAC'],
    ...[`--token-auth-file=${tokens}`, '--service-account-issuer=https://kubernetes.default.svc'],
    ...[`--service-account-key-file=${keys.public}`, `--service-account-signing-key-file=${keys.signing}`],
  ])
  const environment = { KUBECONFIG: kubeconfig, HOME: join(directory, 'home') }
  const kubectl: ApiServer['kubectl'] = (...args) =>
    run('kubectl', args, { show: false, env: environment, timeoutMs: times.commandMs })
  const until = performance.now() + times.startMs
  while ((await kubectl('get', '--raw', '/readyz')).code !== 0) {
    if (performance.now() > until) {
      const told = readFileSync(join(directory, 'kube-apiserver.log'), 'utf8').slice(-3_000)
      await end()
      throw new Error(`kube-apiserver is not ready after ${times.startMs} ms:\n${told}`)
    }
    await sleep(times.lookMs)
  }
  return { environment, kubectl, end }
}

function kubeconfigOf(port: number, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'own', cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'own', context: { cluster: 'own', user: 'admin' } }],
    'current-context': 'own',
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
