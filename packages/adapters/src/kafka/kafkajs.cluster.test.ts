import { logContract } from '@starling/testkit'
import { kafkaHarness } from './kafka-harness.ts'

logContract('kafkajs', () => kafkaHarness('kafkajs'))
