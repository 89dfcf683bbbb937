import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { root, run } from '../run.ts'
import { kustomize } from './programs.ts'

/** Folders that are built by themselves. */
export const overlays = [
  'k8s/overlays/dev',
  'k8s/overlays/production',
  'k8s/overlays/production-keda',
  'k8s/overlays/production-prometheus-adapter',
  'k8s/overlays/production-proxy-protocol',
  'k8s/overlays/production-tracing',
  'k8s/e2e',
  'k8s/monitoring',
] as const

/** A manifest, as far as these checks look at it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }
  // biome-ignore lint/suspicious/noExplicitAny: manifests of every kind; kubeconform has checked their shape
  readonly spec?: any
  readonly data?: Readonly<Record<string, string>>
}

/** Labels of a manifest. */
export type Labels = Readonly<Record<string, string>>

/** What kustomize makes of a folder, as text. Errors: rejects with what it said. */
export async function build(folder: string): Promise<string> {
  const program = await kustomize()
  const { code, output } = await run(program, ['build', join(root, folder)], { show: false, timeoutMs: 60_000 })
  if (code !== 0) throw new Error(`kustomize build ${folder} ended with ${code}:\n${output.slice(-2_000)}`)
  return output
}

/** The manifests of a text. Errors: throws on YAML that is none. */
export function readManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS() as Manifest
  })
}
