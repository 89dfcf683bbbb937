import { type KafkaRight, kafkaAccess } from '@starling/adapters/kafka'
import { inboxes, inboxNames } from '@starling/wire'

/** Stages that read inboxes as groups. */
const groups = ['session', 'routing', 'storage'].map((stage) => `starling.${stage}`)

/** Who signs in to the brokers of a production deployment, and what each may. */
export function kafkaUsers(): Readonly<Record<string, readonly KafkaRight[]>> {
  const { services, deploy } = kafkaAccess(
    inboxNames.map((name) => inboxes[name].topic),
    groups,
  )
  return { starling: services, 'starling-deploy': deploy }
}

/** The users as Strimzi's KafkaUsers; the user operator makes a Secret of the same name with the password. */
export function usersManifest(): string {
  const users = Object.entries(kafkaUsers()).map(([user, rights]) => {
    const acls = rights.map(({ resource, name, pattern, operations }) => {
      const what = `{ type: ${resource}, name: ${name}, patternType: ${pattern} }`
      return `      - resource: ${what}\n        operations: [${operations.join(', ')}]\n`
    })
    return `apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata:
  name: ${user}
  labels:
    strimzi.io/cluster: log
spec:
  authentication:
    type: scram-sha-512
  authorization:
    type: simple
    acls:
${acls.join('')}`
  })
  return `# Written by \`npm run docs\` from packages/adapters/src/kafka/access.ts: the topics and groups that services use, and nothing else.
${users.join('---\n')}`
}
