import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { root, run } from '../run.ts'
import { build, overlays, readManifests } from './manifests.ts'
import { kubeconform, kubernetesSchemas } from './programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-manifests-'))
after(() => rmSync(folder, { recursive: true }))

/** Asks kubeconform, with Kubernetes' schemas and those of k8s/schemas; unknown fields and unknown kinds are faults. */
async function conforms(texts: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
  const files = Object.entries(texts).map(([name, text]) => {
    const file = join(folder, `${name.replaceAll('/', '-')}.yaml`)
    writeFileSync(file, text)
    return file
  })
  const name = '{{.ResourceKind}}{{.KindSuffix}}.json'
  const places = [await kubernetesSchemas(), join(root, 'k8s/schemas')]
  const schemas = places.flatMap((place) => ['-schema-location', join(place, name)])
  return run(await kubeconform(), ['-strict', '-summary', ...schemas, ...files], { show: false, timeoutMs: 60_000 })
}

describe('manifests', () => {
  it('kustomize builds every overlay, and every manifest has the shape of its kind', async () => {
    const texts: Record<string, string> = {}
    for (const overlay of overlays) texts[overlay] = await build(overlay)
    const { code, output } = await conforms(texts)
    assert.equal(code, 0, output)
    const count = Object.values(texts).flatMap(readManifests).length
    assert.ok(output.includes(`Valid: ${count}, Invalid: 0, Errors: 0, Skipped: 0`), output)
  })

  it('a field that no schema knows is a fault, of a kind of Kubernetes and of an operator', async () => {
    const documents = (await build('k8s/overlays/production')).split('\n---\n')
    const wrong = [
      ['minAvailable', 'kind: PodDisruptionBudget', 'maxUnavailable'],
      ['metaDataVersion', 'kind: Kafka\n', 'metadataVersion'],
      ['rotation', 'kind: Certificate', 'rotationPolicy'],
    ].map(([instead = '', kind = '', field = '']) => {
      const text = documents.find((document) => document.includes(kind) && document.includes(`${field}:`))
      assert.ok(text, field)
      return text.replace(`${field}:`, `${instead}Unknown:`)
    })
    const { output } = await conforms({ wrong: wrong.join('\n---\n') })
    assert.ok(output.includes('Valid: 0, Invalid: 3, Errors: 0, Skipped: 0'), output)
  })
})
