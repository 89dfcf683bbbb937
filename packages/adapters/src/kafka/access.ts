import { readerGroups } from './kafkajs-driver.ts'

/** What somebody may do with one topic or group, or with all whose names begin so. */
export interface KafkaRight {
  readonly resource: 'topic' | 'group'
  readonly name: string
  readonly pattern: 'literal' | 'prefix'
  readonly operations: readonly ('Create' | 'Describe' | 'Read' | 'Write')[]
}

/** Who asks the brokers, and what each needs: no more. */
export interface KafkaAccess {
  /** Every service. */
  readonly services: readonly KafkaRight[]
  /** The deploy step that makes topics. */
  readonly deploy: readonly KafkaRight[]
}

/** The rights that a broker with ACLs has to give, for these topics and consumer groups. */
export function kafkaAccess(topics: readonly string[], groups: readonly string[]): KafkaAccess {
  const literal = { pattern: 'literal' } as const
  return {
    services: [
      ...topics.map(
        (name) => ({ resource: 'topic', name, ...literal, operations: ['Describe', 'Read', 'Write'] }) as const,
      ),
      ...groups.map((name) => ({ resource: 'group', name, ...literal, operations: ['Describe', 'Read'] }) as const),
      { resource: 'group', name: readerGroups, pattern: 'prefix', operations: ['Describe', 'Read'] },
    ],
    deploy: topics.map(
      (name) => ({ resource: 'topic', name, ...literal, operations: ['Create', 'Describe'] }) as const,
    ),
  }
}
