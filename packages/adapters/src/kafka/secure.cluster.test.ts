import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  freePorts,
  type Infrastructure,
  makeTestCertificates,
  startInfrastructure,
  type TestCertificates,
} from '@starling/testkit'
import kafkajs from 'kafkajs'
import { createTopics, type KafkaClient, type KafkaRight, type KafkaSecurity, kafkaAccess, kafkaLog } from './kafka.ts'

const topics = ['secure.1', 'secure.2']
const groups = ['starling.secure']
const users = { starling: 'the password of starling', 'starling-deploy': 'the password of the step' }

/** A broker with a listener for those who trust it, by password, and one for those who show a certificate; nobody else may anything. */
function settingsOf(
  certificates: TestCertificates,
  [sasl, mutual]: readonly number[],
): Readonly<Record<string, string>> {
  const own = `SASL://127.0.0.1:${sasl},MUTUAL://127.0.0.1:${mutual}`
  const module = 'org.apache.kafka.common.security'
  return {
    listeners: `PLAINTEXT://127.0.0.1:{port},${own},CONTROLLER://127.0.0.1:{controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:{port},${own}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': certificates.server.bothFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.caFile,
    'listener.name.mutual.ssl.client.auth': 'required',
    'ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'listener.name.sasl.plain.sasl.jaas.config': `${module}.plain.PlainLoginModule required user_starling="${users.starling}";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
}

const operations = { Create: 5, Describe: 8, Read: 3, Write: 4 } as const

describe('Kafka by TLS and SASL, with ACLs for what is used and nothing else', () => {
  const directory = mkdtempSync(join(tmpdir(), 'starling-secure-'))
  let server: Infrastructure | undefined
  let ways: Readonly<Record<string, { readonly broker: string; readonly security: KafkaSecurity }>> = {}
  let deploy: KafkaSecurity = {}

  before(async () => {
    const certificates = await makeTestCertificates(join(directory, 'certificates'), 'starling')
    const ports = await freePorts(2)
    const settings = settingsOf(certificates, ports)
    server = await startInfrastructure({ directory, kafka: { brokers: 1, settings, users } })
    const text = (file: string): string => readFileSync(file, 'utf8')
    const ca = text(certificates.caFile)
    const [sasl, mutual] = ports.map((port) => `127.0.0.1:${port}`) as [string, string]
    const as = (mechanism: 'PLAIN' | 'SCRAM-SHA-512', password: string = users.starling): KafkaSecurity => {
      return { tls: { ca }, sasl: { mechanism, username: 'starling', password } }
    }
    const { certificateFile, keyFile } = certificates.client
    ways = {
      'SCRAM-SHA-512': { broker: sasl, security: as('SCRAM-SHA-512') },
      PLAIN: { broker: sasl, security: as('PLAIN') },
      'mutual TLS': { broker: mutual, security: { tls: { ca, cert: text(certificateFile), key: text(keyFile) } } },
      'a wrong password': { broker: sasl, security: as('SCRAM-SHA-512', 'not the password') },
      'an authority that did not sign it': {
        broker: sasl,
        security: { tls: {}, sasl: { mechanism: 'SCRAM-SHA-512', username: 'starling', password: users.starling } },
      },
    }
    deploy = {
      tls: { ca },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'starling-deploy', password: users['starling-deploy'] },
    }
    const access = kafkaAccess(topics, groups)
    await allow(server.urls.kafka, { starling: access.services, 'starling-deploy': access.deploy })
    await createTopics(
      { brokers: [sasl], clientId: 'deploy', security: deploy },
      topics.map((topic) => ({ topic, partitions: 2, replication: 1, minInSyncReplicas: 1, retentionHours: 1 })),
    )
  })
  after(async () => {
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const open = (client: KafkaClient, way: string, told: unknown[] = []) => {
    const { broker, security } = ways[way] ?? assert.fail(way)
    const onEvent = (what: string, detail: unknown): void => void told.push([what, detail])
    return kafkaLog({
      client,
      brokers: [broker],
      security,
      clientId: 'pod-1',
      clock: () => 0,
      produceTimeoutMs: 5_000,
      onEvent,
    })
  }

  for (const client of ['kafkajs', 'platformatic'] as const) {
    for (const way of ['SCRAM-SHA-512', 'PLAIN', 'mutual TLS']) {
      it(`${client}, ${way}: produces, reads as a member and alone, commits, asks`, async () => {
        const log = open(client, way)
        try {
          const topic = topics[client === 'kafkajs' ? 0 : 1] ?? ''
          assert.equal(await log.partitions(topic), 2)
          const { offset } = await log.produce(topic, 0, [Buffer.from('a word')])
          const alone = Promise.withResolvers<void>()
          const reader = await log.read(topic, 0, { from: offset, handle: async () => alone.resolve() })
          await alone.promise
          const member = Promise.withResolvers<void>()
          const reading = await log.consume({
            group: 'starling.secure',
            topics: [topic],
            onAssigned: () => {},
            onRevoked: () => {},
            handle: async (batch) => {
              if ((batch.records.at(-1)?.offset ?? 0) >= offset) member.resolve()
              return 'mine'
            },
          })
          await member.promise
          await reading.close()
          await reader.close()
          assert.equal((await log.committed('starling.secure', topic)).get(0)?.metadata, 'mine')
          assert.ok(((await log.ends(topic)).get(0) ?? 0) > offset)
        } finally {
          await log.close()
        }
      })
    }

    for (const way of ['a wrong password', 'an authority that did not sign it']) {
      it(`${client}, ${way}: nothing is reached, and no password is told`, async () => {
        const told: unknown[] = []
        const log = open(client, way, told)
        try {
          const fault = await log.partitions('secure.1').then(
            () => assert.fail('it answers'),
            (error: unknown) => error,
          )
          const { inspect } = await import('node:util')
          for (const password of [users.starling, 'not the password']) {
            assert.ok(!inspect([fault, told], { depth: 12 }).includes(password), 'the password is told')
          }
        } finally {
          await log.close()
        }
      })
    }

    it(`${client}: a topic that is nobody's to use is refused, though it exists`, async () => {
      await createTopics({ brokers: server?.urls.kafka.split(',') ?? [], clientId: 'other' }, [
        { topic: `others.${client}`, partitions: 1, replication: 1, minInSyncReplicas: 1, retentionHours: 1 },
      ])
      const log = open(client, 'SCRAM-SHA-512')
      await assert.rejects(log.partitions(`others.${client}`))
      await log.close()
    })
  }

  it('the deploy step may make its topics and no others', async () => {
    const brokers = [ways['PLAIN']?.broker ?? '']
    const other = { topic: 'stranger', partitions: 1, replication: 1, minInSyncReplicas: 1, retentionHours: 1 }
    await assert.rejects(createTopics({ brokers, clientId: 'deploy', security: deploy, timeoutMs: 5_000 }, [other]))
  })
})

/** Gives rights, as somebody who may. */
async function allow(broker: string, rights: Readonly<Record<string, readonly KafkaRight[]>>): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: broker.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const acl = Object.entries(rights).flatMap(([user, list]) =>
    list.flatMap(({ resource, name, pattern, operations: names }) =>
      names.map((operation) => ({
        resourceType: resource === 'topic' ? kafkajs.AclResourceTypes.TOPIC : kafkajs.AclResourceTypes.GROUP,
        resourceName: name,
        resourcePatternType:
          pattern === 'literal' ? kafkajs.ResourcePatternTypes.LITERAL : kafkajs.ResourcePatternTypes.PREFIXED,
        principal: `User:${user}`,
        host: '*',
        operation: operations[operation],
        permissionType: kafkajs.AclPermissionTypes.ALLOW,
      })),
    ),
  )
  await admin.createAcls({ acl })
  await admin.disconnect()
}
