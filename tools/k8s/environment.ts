import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '@starling/core'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import type { Manifest } from './manifests.ts'
import type { Container, Pod } from './pods.ts'

/** What files of Secrets hold that somebody else makes, by the end of their path. */
const samples: Readonly<Record<string, string>> = {
  '/secrets/redis/url': 'redis://redis:6379',
  '/secrets/redis-password/password': 'a-password-of-yours',
  '/secrets/database/url': 'postgresql://starling:secret@database-rw.starling:5432/starling',
  '/secrets/kafka/password': 'a-password-of-strimzi',
  '/secrets/kafka-ca/ca.crt': 'not read when settings are',
  '/secrets/admin/token': 'a-token-of-sixteen-characters',
}

/** Variables of a container by name, with those of its ConfigMaps. Errors: throws for a ConfigMap that is missing. */
export function environmentOf(container: Container, manifests: readonly Manifest[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { configMapRef } of container.envFrom ?? []) {
    const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef?.name)
    if (map === undefined) throw new Error(`no ConfigMap ${configMapRef?.name}`)
    Object.assign(found, map.data)
  }
  for (const { name, value } of container.env ?? []) found[name] = value ?? 'from-a-field'
  return found
}

/** The settings that Starling itself reads out of a container's environment. Errors: throws with every fault it names. */
export function settingsOf(pod: Pod, container: Container, manifests: readonly Manifest[]): Settings {
  const folder = mkdtempSync(join(tmpdir(), 'starling-k8s-'))
  try {
    const environment = Object.entries(environmentOf(container, manifests)).map(([name, value], index) => {
      if (!name.endsWith('_FILE') || !value.startsWith('/secrets/')) return [name, value] as const
      const mount = container.volumeMounts?.find(({ mountPath }) => value.startsWith(`${mountPath}/`))
      if (mount === undefined || pod.volumes.every((volume) => volume.name !== mount.name)) {
        throw new Error(`${name}: nothing is mounted at ${value}`)
      }
      const sample = samples[value]
      if (sample === undefined) throw new Error(`${name}: no sample for ${value}`)
      const file = join(folder, String(index))
      writeFileSync(file, sample)
      return [name, file] as const
    })
    const config = loadConfig(Object.fromEntries(environment), modules)
    if (!config.ok) throw new Error(config.error.join('\n'))
    return config.value
  } finally {
    rmSync(folder, { recursive: true })
  }
}
