import { inboxes, inboxNames } from '@starling/wire'

/** Brokers that hold each record of a production deployment, and how many of them must before it is acknowledged. */
const replication = { replicas: 3, minInSync: 2 } as const

/** The inboxes as Strimzi's KafkaTopics. */
export function topicsManifest(): string {
  const topics = inboxNames.map((name) => {
    const { topic, partitions, retentionHours } = inboxes[name]
    return `apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata:
  name: ${topic}
  labels:
    strimzi.io/cluster: log
spec:
  partitions: ${partitions}
  replicas: ${replication.replicas}
  config:
    min.insync.replicas: ${replication.minInSync}
    retention.ms: ${retentionHours * 3_600_000}
`
  })
  return `# Written by \`npm run docs\` from packages/wire/src/inboxes.ts, so that the topic operator knows them and leaves them as they are.
${topics.join('---\n')}`
}
