import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Settings, Stage } from '@starling/core'
import { gateway } from '@starling/gateway'
import { routing } from '@starling/routing'
import { defaultSettings, run as runStages } from '@starling/runtime'
import { session } from '@starling/session'
import { storage } from '@starling/storage'
import { type InboxName, inboxes, inboxNames } from '@starling/wire'
import { services, smallInboxes } from '../cluster/layout.ts'
import { kafkaUsers } from '../docs/users-manifest.ts'
import { settingsOf } from './environment.ts'
import { build, type Manifest, readManifests } from './manifests.ts'
import { type Container, isSelected, named, type Pod, podsOf, starlingOf } from './pods.ts'

const folders = [
  'k8s/overlays/dev',
  'k8s/overlays/production',
  'k8s/overlays/production-keda',
  'k8s/overlays/production-prometheus-adapter',
  'k8s/overlays/production-proxy-protocol',
  'k8s/overlays/production-tracing',
]
const keyed: readonly Stage[] = [session, routing, storage]
/** Secrets that somebody else makes: certificate.sh or cert-manager, the operator (two: docs/operations.md), CloudNativePG. */
const foreignSecrets = ['starling-tls', 'starling-admin', 'starling-presence', 'database-app']
const dataPorts = [53, 9092, 9093, 6379, 5432]

interface Ours {
  readonly pod: Pod
  readonly container: Container
  readonly service: string
  readonly settings: Settings
}

function oursOf(manifests: readonly Manifest[]): readonly Ours[] {
  return podsOf(manifests).flatMap((pod) => {
    const container = starlingOf(pod)
    if (container === undefined) return []
    return [{ pod, container, service: container.args?.[0] ?? '', settings: settingsOf(pod, container, manifests) }]
  })
}

function withoutUser({ log }: Settings): Omit<Settings['log'], 'user' | 'caFile'> {
  const { user: _user, caFile: _file, ...rest } = log
  return rest
}

/** Ports a service listens on, by the name that manifests give them. */
function portsOf(service: string, { ports }: Settings): Readonly<Record<string, number>> {
  return service === 'connection-manager'
    ? { c2s: ports.c2s, 'c2s-tls': ports.c2sTls, http: ports.http }
    : { http: ports.http }
}

for (const folder of folders) {
  describe(`${folder} agrees with the code`, () => {
    let manifests: readonly Manifest[] = []
    let ours: readonly Ours[] = []
    before(async () => {
      manifests = readManifests(await build(folder))
      // Names, values and files of the environment are read as the services read them: a fault of one would stop its start
      ours = oursOf(manifests)
    })
    const ofKind = (...kinds: readonly string[]): readonly Manifest[] =>
      manifests.filter(({ kind }) => kinds.includes(kind))

    it('names: one Deployment for each service, one Job for each deploy step, and the image is asked for just that', () => {
      const deployed = ours.map(({ pod, service }) => [pod.owner.metadata.name, service])
      for (const [name, service] of deployed) assert.equal(service, name)
      assert.deepEqual(deployed.map(([name]) => name).sort(), [...services, 'tables', 'topics'].sort())
    })

    it('ports: those the service listens on, by name', () => {
      for (const { pod, container, service, settings } of ours.filter(({ pod }) => pod.owner.kind === 'Deployment')) {
        const said = Object.fromEntries((container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]))
        assert.deepEqual(said, portsOf(service, settings), named(pod))
      }
    })

    it('Services: each sends to ports that its pods have', () => {
      for (const { metadata, spec } of ofKind('Service')) {
        const chosen = podsOf(manifests).filter((pod) => isSelected({ matchLabels: spec.selector }, pod.labels))
        const serving = chosen.filter(({ owner }) => owner.kind !== 'Job')
        assert.ok(serving.length > 0, metadata.name)
        for (const { targetPort } of spec.ports) {
          for (const pod of serving) {
            const names = pod.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name))
            assert.ok(names.includes(targetPort), `${metadata.name}: ${named(pod)} has no port ${targetPort}`)
          }
        }
      }
    })

    it('budgets: each is for exactly one Deployment', () => {
      const budgets = ofKind('PodDisruptionBudget').map(({ spec }) =>
        ours.filter(({ pod }) => isSelected(spec.selector, pod.labels)).map(({ service }) => service),
      )
      assert.deepEqual(budgets.flat().sort(), [...services].sort())
      assert.ok(budgets.every(({ length }) => length === 1))
    })

    it('ends: a pod is given longer than preStop and drainTimeoutMs take together', () => {
      for (const { pod, container, settings } of ours.filter(({ pod }) => pod.owner.kind === 'Deployment')) {
        const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1_000
        const preStopMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1_000
        assert.ok(graceMs >= preStopMs + settings.drainTimeoutMs + 5_000, named(pod))
      }
    })

    it('topics: made by the Job from the one table, and known to whoever else names them', () => {
      const topics: readonly string[] = inboxNames.map((name) => inboxes[name].topic)
      const settings = ours.find(({ service }) => service === 'topics')?.settings ?? assert.fail()
      for (const each of ours) {
        assert.deepEqual(withoutUser(each.settings), withoutUser(settings), named(each.pod))
      }
      const { partitions, slots } = settings.log
      if (folder.endsWith('dev')) assert.deepEqual({ partitions, slots }, smallInboxes)
      for (const { metadata, spec } of ofKind('KafkaTopic')) {
        assert.ok(topics.includes(metadata.name), metadata.name)
        const isPod = metadata.name === inboxes.pod.topic
        assert.equal(spec.partitions, isPod ? settings.log.slots : settings.log.partitions, metadata.name)
        const [, replicas, minInSync] = ours.find(({ service }) => service === 'topics')?.container.args ?? []
        assert.deepEqual([spec.replicas, spec.config['min.insync.replicas']], [Number(replicas), Number(minInSync)])
      }
      const strimzi = folder.includes('production') ? topics.length : 0
      assert.equal(ofKind('KafkaTopic').length, strimzi)
      for (const { metadata, spec } of ofKind('ScaledObject')) {
        for (const { metadata: trigger } of spec.triggers) {
          if (!trigger.query?.includes('kafka_consumergroup_lag')) continue
          const stage = keyed.find(({ name }) => name === metadata.name)
          assert.ok(stage !== undefined && stage.kind !== 'pod', metadata.name)
          const [, group, topic] = /consumergroup="([^"]*)",topic="([^"]*)"/.exec(trigger.query) ?? []
          assert.equal(group, `starling.${stage.name}`)
          const consumed: readonly string[] = stage.consumes.map((inbox: InboxName) => inboxes[inbox].topic)
          assert.ok(topic !== undefined && consumed.includes(topic), `${stage.name} does not read ${topic}`)
        }
      }
    })

    it('counts: no more pods than there are slots and partitions for, the one more of an upgrade included', () => {
      const most = new Map(ours.map(({ pod, service }) => [service, pod.owner.spec.replicas ?? 1]))
      for (const { spec } of ofKind('ScaledObject', 'HorizontalPodAutoscaler')) {
        assert.ok(most.has(spec.scaleTargetRef.name), spec.scaleTargetRef.name)
        most.set(spec.scaleTargetRef.name, spec.maxReplicaCount ?? spec.maxReplicas)
      }
      const { log } = ours[0]?.settings ?? assert.fail()
      const sockets = ['connection-manager', 'gateway'].reduce((sum, service) => sum + most.get(service) + 1, 0)
      assert.ok(sockets <= log.slots, `${sockets} pods with sockets, ${log.slots} slots`)
      for (const { name } of keyed) assert.ok(most.get(name) <= log.partitions, name)
    })

    it('brokers, Redis and the database: their Services are those that settings name', () => {
      const { log, redisUrl } = ours.find(({ service }) => service === 'routing')?.settings ?? assert.fail()
      assert.ok(redisUrl !== '')
      if (!folder.includes('dev')) {
        const { metadata, spec } = ofKind('Kafka')[0] ?? assert.fail()
        const [listener, ...others] = spec.kafka.listeners
        assert.deepEqual(others, [], 'no other way in')
        assert.deepEqual(log.brokers, [`${metadata.name}-kafka-bootstrap:${listener.port}`])
        assert.deepEqual([log.tls, log.sasl], [listener.tls, listener.authentication.type.toUpperCase()])
        return
      }
      for (const at of [...log.brokers, 'redis:6379', 'postgres:5432']) {
        const [name, port] = at.split(':')
        const service = ofKind('Service').find(({ metadata }) => metadata.name === name)
        assert.equal(service?.spec.ports[0].port, Number(port), at)
      }
    })

    it('Kafka’s users: each pod signs in as one of them, by its own Secret; they may what the code needs and no more', () => {
      const users = ofKind('KafkaUser')
      const isSecured = folder.includes('production')
      assert.deepEqual(
        users.map(({ metadata }) => metadata.name).sort(),
        isSecured ? Object.keys(kafkaUsers()).sort() : [],
      )
      for (const { metadata, spec } of users) {
        const rights = kafkaUsers()[metadata.name]?.map(({ resource, name, pattern, operations }) => {
          return { resource: { type: resource, name, patternType: pattern }, operations }
        })
        assert.deepEqual(spec.authorization, { type: 'simple', acls: rights }, metadata.name)
      }
      for (const { pod, settings } of isSecured ? ours : []) {
        const { user } = settings.log
        assert.equal(user, pod.owner.kind === 'Job' ? 'starling-deploy' : 'starling', named(pod))
        const secret = pod.volumes.find(({ name }) => name === 'kafka')?.secret
        assert.equal(secret?.secretName, user, named(pod))
      }
    })

    it('Redis’ password: one Secret for Redis, its sentinels and every pod', () => {
      const password = { name: 'starling-presence', key: 'password' }
      const isSecured = folder.includes('production')
      const asked = [
        ...ofKind('RedisReplication').map(({ spec }) => spec.kubernetesConfig.redisSecret),
        ...ofKind('RedisSentinel').map(({ spec }) => spec.redisSentinelConfig.redisReplicationPassword.secretKeyRef),
      ]
      assert.deepEqual(asked, isSecured ? [password, password] : [])
      for (const { pod, settings } of ours.filter(({ pod }) => pod.owner.kind === 'Deployment')) {
        assert.equal(settings.redisPassword !== '', isSecured, named(pod))
        const secret = pod.volumes.find(({ name }) => name === 'redis-password')?.secret
        assert.equal(secret?.secretName, isSecured ? password.name : undefined, named(pod))
      }
    })

    it('probes: all three, at paths the process answers', async () => {
      const paths = new Set<string>()
      for (const { pod, container } of ours.filter(({ pod }) => pod.owner.kind === 'Deployment')) {
        for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
          assert.equal(probe?.httpGet?.port, 'http', named(pod))
          paths.add(probe.httpGet.path)
        }
        assert.equal(container.readinessProbe?.httpGet?.path, '/readyz')
        assert.equal(container.livenessProbe?.httpGet?.path, '/healthz')
      }
      for (const [path, status] of await ask([...paths])) assert.equal(status, 200, path)
    })

    it('secrets: each that is mounted is made here or named as somebody else’s', () => {
      const authorities = ofKind('Kafka').map(({ metadata }) => `${metadata.name}-cluster-ca-cert`)
      const made = [...ofKind('Secret', 'KafkaUser').map(({ metadata }) => metadata.name), ...authorities]
      for (const pod of podsOf(manifests)) {
        for (const { secret } of pod.volumes) {
          if (secret === undefined) continue
          assert.ok([...made, ...foreignSecrets].includes(secret.secretName), `${named(pod)}: ${secret.secretName}`)
        }
        const volumes = [...pod.volumes.map(({ name }) => name), 'data']
        for (const { name } of pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)) {
          assert.ok(volumes.includes(name), `${named(pod)}: no volume ${name}`)
        }
      }
    })

    it('pods: no token, no links, nobody in particular, nothing to write but volumes; a tag that stays', () => {
      for (const pod of podsOf(manifests)) {
        const { spec } = pod
        assert.equal(spec.enableServiceLinks, false, named(pod))
        assert.equal(spec.automountServiceAccountToken, false, named(pod))
        assert.ok(spec.securityContext?.runAsNonRoot, named(pod))
        assert.equal(spec.securityContext?.seccompProfile?.type, 'RuntimeDefault', named(pod))
        for (const { image, imagePullPolicy, securityContext, resources, name } of pod.containers) {
          assert.equal(securityContext?.allowPrivilegeEscalation, false, named(pod))
          assert.deepEqual(securityContext?.capabilities?.drop, ['ALL'], named(pod))
          assert.ok(resources?.requests !== undefined && resources.limits?.memory !== undefined, named(pod))
          assert.match(image, /:(?!latest$)[\w.-]+$/, named(pod))
          if (name === 'starling') assert.equal(imagePullPolicy, 'IfNotPresent', named(pod))
          if (name !== 'kafka') assert.ok(securityContext?.readOnlyRootFilesystem, named(pod))
        }
      }
      for (const { metadata, ...rest } of ofKind('ServiceAccount')) {
        assert.equal(
          (rest as { automountServiceAccountToken?: boolean }).automountServiceAccountToken,
          false,
          metadata.name,
        )
      }
    })

    it('node loss: pods leave at once, and stand on different machines and in different zones', () => {
      for (const { pod } of ours.filter(({ pod }) => pod.owner.kind === 'Deployment')) {
        const keys = (pod.spec.tolerations ?? []).map(({ key, tolerationSeconds = 300 }) => [
          key,
          tolerationSeconds <= 30,
        ])
        assert.deepEqual(keys, [
          ['node.kubernetes.io/not-ready', true],
          ['node.kubernetes.io/unreachable', true],
        ])
        const spread = (pod.spec.topologySpreadConstraints ?? []).map(({ topologyKey }) => topologyKey)
        assert.deepEqual(spread, ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'])
      }
    })

    it('network: every pod of ours is closed but for ports that something listens on', () => {
      const policies = ofKind('NetworkPolicy')
      const closed = policies.find(({ metadata }) => metadata.name === 'starling-nothing')
      for (const { pod } of ours) assert.ok(isSelected(closed?.spec.podSelector, pod.labels), named(pod))
      const { ports } = defaultSettings
      const { otlpUrl } = ours[0]?.settings.tracing ?? assert.fail()
      const traces = otlpUrl === '' ? [] : [Number(new URL(otlpUrl).port)]
      const known = [...dataPorts, ...traces, ports.c2s, ports.c2sTls, ports.http]
      for (const { metadata, spec } of policies) {
        const rules = [...(spec.ingress ?? []), ...(spec.egress ?? [])]
        for (const { port } of rules.flatMap((rule) => rule.ports ?? [])) assert.ok(known.includes(port), metadata.name)
      }
    })
  })
}

/** Asks a service of this process; it answers as all do. */
async function ask(paths: readonly string[]): Promise<readonly (readonly [string, number])[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-probes-'))
  const settings: Settings = {
    ...defaultSettings,
    dataDir,
    ports: { c2s: 0, c2sTls: 0, http: 0 },
    listen: { c2s: '127.0.0.1', http: '127.0.0.1' },
    embedded: { durability: 'memory' },
    admin: { token: 'a-token-for-the-probes', allowRemote: false },
  }
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const running = await runStages({ stages: [gateway], modules: [], settings, pod: 'probes', logger })
  try {
    const at = `http://127.0.0.1:${running.ports['http']}`
    return await Promise.all(paths.map(async (path) => [path, (await fetch(at + path)).status] as const))
  } finally {
    await running.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
