import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { run } from '../run.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { build, type Manifest, overlays, readManifests } from './manifests.ts'
import { named, podsOf } from './pods.ts'

const programs = process.env['STARLING_TEST_API_SERVER'] ?? ''
const timeoutMs = 300_000

/** Kinds of operators, so that the server takes manifests of them; their fields are kubeconform's to check. */
function definitionsOf(manifests: readonly Manifest[]): readonly object[] {
  const isForeign = ({ apiVersion }: Manifest): boolean =>
    /^[^/]+\.[^/]+\//.test(apiVersion) && !/[.]k8s[.]io\//.test(apiVersion)
  const kinds = new Map(
    manifests.filter(isForeign).map(({ apiVersion, kind }) => [`${kind}.${apiVersion}`, { apiVersion, kind }]),
  )
  return [...kinds.values()].map(({ apiVersion, kind }) => {
    const [group = '', version = ''] = apiVersion.split('/')
    const plural = `${kind.toLowerCase()}s`
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [{ name: version, served: true, storage: true, schema }],
      },
    }
  })
}

describe('a real API server', {
  skip:
    programs === ''
      ? 'STARLING_TEST_API_SERVER names no folder with etcd and kube-apiserver (tools/k8s/build-api-server.sh makes one)'
      : false,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-judged-'))
  const built = new Map<string, readonly Manifest[]>()
  let server: ApiServer
  const judge = async (manifests: readonly object[], ...args: readonly string[]) => {
    const file = join(folder, 'manifests.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }))
    return server.kubectl(...args, '-f', file)
  }
  const taken = async (manifests: readonly object[], ...args: readonly string[]): Promise<void> => {
    const { code, output } = await judge(manifests, ...args)
    assert.equal(code, 0, output)
  }

  before(async () => {
    for (const overlay of overlays) built.set(overlay, readManifests(await build(overlay)))
    server = await startApiServer(programs)
    const all = [...built.values()].flat()
    await taken(definitionsOf(all), 'apply')
    await taken(all.filter(({ kind }) => kind === 'Namespace').slice(0, 1), 'apply')
    // What a controller would make, who does not run here
    const fallback = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'starling' } }
    const accounts = (built.get('k8s/overlays/dev') ?? []).filter(({ kind }) => kind === 'ServiceAccount')
    await taken([fallback, ...accounts], 'apply')
    await server.kubectl('wait', '--for=condition=Established', 'customresourcedefinitions', '--all', '--timeout=60s')
  })
  after(async () => {
    await server?.end()
    rmSync(folder, { recursive: true, force: true })
  })

  it('takes every manifest of every overlay, with no warning (k8s/dry-run.sh)', async () => {
    const { code, output } = await run('bash', ['k8s/dry-run.sh'], { show: false, env: server.environment, timeoutMs })
    assert.equal(code, 0, output)
    for (const overlay of overlays) {
      const [, judged] = new RegExp(`^${overlay}: (\\d+) manifests`, 'm').exec(output) ?? []
      assert.equal(Number(judged), built.get(overlay)?.length, `${overlay}: ${output}`)
    }
    assert.doesNotMatch(output, /SKIPPED/)
  })

  const podOf = (pod: ReturnType<typeof podsOf>[number], at: number): object => {
    const { metadata, spec } = pod.owner.spec.template
    const name = `${pod.owner.metadata.name}-${at}`
    const claims = (pod.owner.spec.volumeClaimTemplates ?? []) as readonly Manifest[]
    const volumes = [...(spec.volumes ?? []), ...claims.map((claim) => ({ name: claim.metadata.name, emptyDir: {} }))]
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name, namespace: 'starling' },
      spec: { restartPolicy: 'Always', ...spec, volumes },
    }
  }

  it('lets the pods of every Deployment, StatefulSet and Job into a namespace that enforces the restricted standard', async () => {
    const pods = [...built.values()].flatMap((manifests) => podsOf(manifests))
    assert.ok(pods.length > 30)
    await taken(pods.map(podOf), 'create', '--dry-run=server')
    const [pod] = pods
    assert.ok(pod !== undefined)
    const loose = podOf(pod, 0) as { spec: { securityContext: object } }
    loose.spec.securityContext = {}
    const { code, output } = await judge([loose], 'create', '--dry-run=server')
    assert.notEqual(code, 0, `${named(pod)} as root`)
    assert.match(output, /violates PodSecurity "restricted/)
  })
})
