import type { Manifest } from './manifests.ts'

/** A container, as far as these checks look at it. */
export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy?: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } }
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly memory?: string } }
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean
    readonly readOnlyRootFilesystem?: boolean
    readonly capabilities?: { readonly drop?: readonly string[] }
  }
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
}

/** A question of the kubelet's. */
export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number }
}

/** A volume. */
export interface Volume {
  readonly name: string
  readonly secret?: { readonly secretName: string; readonly items?: readonly { readonly path: string }[] }
}

/** A pod as something makes it. */
export interface Pod {
  readonly owner: Manifest
  readonly labels: Readonly<Record<string, string>>
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
  readonly spec: {
    readonly enableServiceLinks?: boolean
    readonly automountServiceAccountToken?: boolean
    readonly serviceAccountName?: string
    readonly terminationGracePeriodSeconds?: number
    readonly tolerations?: readonly { readonly key: string; readonly tolerationSeconds?: number }[]
    readonly topologySpreadConstraints?: readonly { readonly topologyKey: string }[]
    readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: { readonly type: string } }
  }
}

/** The pods that Deployments, StatefulSets and Jobs make. */
export function podsOf(manifests: readonly Manifest[]): readonly Pod[] {
  return manifests
    .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
    .map((owner) => {
      const { metadata, spec } = owner.spec.template
      return { owner, labels: metadata.labels ?? {}, containers: spec.containers, volumes: spec.volumes ?? [], spec }
    })
}

/** The container of Starling's image, if a pod has one. */
export function starlingOf(pod: Pod): Container | undefined {
  return pod.containers.find(({ name }) => name === 'starling')
}

/** Whether labels are what a selector asks for. */
export function isSelected(
  selector: { readonly matchLabels?: object } | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([name, value]) => labels[name] === value)
}

/** A name for messages. */
export function named({ owner }: Pod): string {
  return `${owner.kind} ${owner.metadata.name}`
}
