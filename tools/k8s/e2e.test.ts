import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadScenario } from '../../loadtest/src/coordinator/start.ts'
import { services } from '../cluster/layout.ts'
import { type RunResult, root, run } from '../run.ts'
import { build, type Manifest, readManifests } from './manifests.ts'
import { podsOf } from './pods.ts'
import { shellcheck } from './programs.ts'

const timeoutMs = 60_000

describe('scripts', () => {
  it('shellcheck has nothing against them', async () => {
    const folders = ['k8s', 'tools/image', 'tools/k8s']
    const files = folders.flatMap((folder) => readdirSync(join(root, folder)).map((file) => join(folder, file)))
    const scripts = [...files.filter((file) => file.endsWith('.sh')), '.ci/run']
    assert.ok(scripts.length >= 5)
    const { code, output } = await run(await shellcheck(), scripts, { show: false, timeoutMs })
    assert.equal(code, 0, output)
  })
})

describe('k8s/e2e.sh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
  after(() => rmSync(folder, { recursive: true }))

  it('--dry-run says every step and does none: load in calm, through an upgrade and through kills of every service', async () => {
    const { code, output } = await e2e('exit 99', '--dry-run')
    assert.equal(code, 0, output)
    assert.equal(output.split('apply -k k8s/e2e').length - 1, 3)
    for (const service of services) {
      assert.ok(output.includes(`rollout restart deployment/${service}`), service)
      assert.ok(output.includes(`delete a pod of ${service} --grace-period=0 --force`), service)
    }
    assert.match(output, /^SKIPPED: everything: this was --dry-run$/m)
  })

  it('ends with 0 when each load ends well, with 1 and the reason when one does not; what was skipped stands at the end', async () => {
    const passed = await rehearse('echo Complete')
    assert.equal(passed.code, 0, passed.output)
    assert.match(passed.output, /^nothing failed$/m)
    const lost = await rehearse('echo Failed')
    assert.equal(lost.code, 1)
    assert.match(lost.output, /^FAILED: the load suite: through a rolling upgrade \(Failed\)$/m)
    assert.match(lost.output, /^SKIPPED: the production overlay/m)
  })

  it('tries nothing without an engine', async () => {
    const { code, output } = await e2e('exit 1')
    assert.equal(code, 2)
    assert.match(output, /docker does not answer: nothing was tried/)
  })

  it('what the API server has against an overlay fails it, kinds it does not know are skipped, and it goes on', async () => {
    const { code, output } = await rehearse(
      'echo Complete',
      `echo 'Warning: would violate PodSecurity' >&2
      echo 'error: no matches for kind "Kafka" in version "kafka.strimzi.io/v1"' >&2`,
    )
    assert.equal(code, 1)
    assert.match(output, /^SKIPPED: k8s\/overlays\/production: kinds that the server does not know: Kafka $/m)
    assert.match(output, /^FAILED: k8s\/overlays\/dev: Warning: would violate PodSecurity$/m)
    assert.match(output, /^FAILED: the API server has something against an overlay$/m)
    assert.match(output, /^== a pod of every service is killed under load$/m)
  })

  /** An engine and a cluster that say yes to everything, and to the question about the load what `job` prints. */
  function rehearse(job: string, judged = ''): Promise<RunResult> {
    return e2e(`case "$*" in *nonsense*) exit 2 ;; *"get job"*) ${job} ;; *"get clusters"*) echo starling ;;
      *--dry-run=server*) echo 'deployment.apps/x serverside-applied (server dry run)'; ${judged || ':'} ;; esac`)
  }

  /** The script, with docker, kubectl and kind that do as `body` says. */
  function e2e(body: string, ...args: readonly string[]): Promise<RunResult> {
    for (const name of ['docker', 'kubectl', 'kind', 'sleep']) {
      const program = join(folder, name)
      writeFileSync(program, `#!/bin/sh\n${name === 'sleep' ? 'exit 0' : body}\n`)
      chmodSync(program, 0o755)
    }
    const path = `PATH=${folder}:${process.env['PATH'] ?? ''}`
    return run('env', ['-u', 'CONTEXT', '-u', 'LOAD', path, 'k8s/e2e.sh', ...args], { show: false, timeoutMs })
  }
})

describe('k8s/e2e, the load suite in the cluster', () => {
  let manifests: readonly Manifest[] = []
  const load = async (): Promise<Manifest> => {
    manifests = manifests.length > 0 ? manifests : readManifests(await build('k8s/e2e'))
    return manifests.find(({ kind }) => kind === 'Job') ?? assert.fail('no Job')
  }

  it('aims at a port that a Service of the dev overlay has', async () => {
    const { spec } = await load()
    const [{ env }] = spec.template.spec.containers
    const value = (name: string): string => env.find((one: { readonly name: string }) => one.name === name)?.value
    const [host, port] = value('LOAD_TARGET').split(':')
    const dev = readManifests(await build('k8s/overlays/dev'))
    const service = dev.find(({ kind, metadata }) => kind === 'Service' && metadata.name === host)
    assert.ok(
      service?.spec.ports.some((one: { readonly port: number }) => one.port === Number(port)),
      `${host}:${port}`,
    )
    assert.equal(value('LOAD_DOMAIN'), 'localhost')
    assert.equal(Number(value('LOAD_WORKERS')) + 1, spec.completions)
    assert.equal(spec.parallelism, spec.completions)
  })

  it('is let into a namespace that enforces the restricted standard, and runs the image as it is, without installing', async () => {
    const [pod] = podsOf([await load()])
    assert.ok(pod?.spec.securityContext?.runAsNonRoot)
    assert.equal(pod.spec.securityContext?.seccompProfile?.type, 'RuntimeDefault')
    for (const { securityContext, args = [] } of pod.containers) {
      assert.equal(securityContext?.allowPrivilegeEscalation, false)
      assert.deepEqual(securityContext?.capabilities?.drop, ['ALL'])
      // bootstrap.mjs would want the development tools, which the image does not have
      assert.doesNotMatch(args.join(' '), /bootstrap/)
    }
  })

  it('its scenario can be read, and demands that nothing acknowledged is lost', () => {
    const { groups, thresholds } = loadScenario(join(root, 'k8s/e2e/scenario.yml'), {
      users: undefined,
      durationMs: undefined,
    })
    const script = readFileSync(join(root, 'k8s/e2e.sh'), 'utf8')
    assert.match(script, new RegExp(`^users=${groups[0]} `, 'm'))
    assert.ok(JSON.stringify(thresholds).includes('lostAcked'))
  })
})
