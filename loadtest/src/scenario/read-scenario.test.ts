import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readScenario } from './read-scenario.ts'

const errorsOf = (text: string): readonly string[] => {
  const read = readScenario(text, 's.yml')
  return read.ok ? [] : read.errors
}

describe('reading a scenario', () => {
  it('a short one gets its defaults; users are made even', () => {
    const read = readScenario('users: 5\nblocks:\n  - chat:\n      rate: 10\n', 'dir/short.yml')
    assert.ok(read.ok)
    const { name, groups, durationMs, connection, blocks } = read.value
    assert.deepEqual({ name, groups, durationMs }, { name: 'short', groups: [6], durationMs: 60_000 })
    assert.equal(connection.transport, 'starttls')
    assert.deepEqual([read.value.lostAfterMs, read.value.waitAtMostMs], [10_000, 600_000])
    assert.deepEqual(blocks, [
      { kind: 'chat', group: 0, pace: { kind: 'rate', perSecond: 10 }, bodyBytes: 80, isStored: true },
    ])
  })

  it('blocks with users of their own make groups; a mixed day is three blocks of one group', () => {
    const read = readScenario('blocks:\n  - mixedDay:\n      users: 8\n      every: 1m\n  - idle:\n', 's.yml')
    assert.ok(read.ok)
    assert.deepEqual(read.value.groups, [100, 8])
    assert.deepEqual(
      read.value.blocks.map(({ kind, group }) => [kind, group]),
      [
        ['chat', 1],
        ['presence', 1],
        ['flaps', 1],
        ['idle', 0],
      ],
    )
  })

  it('every fault at once, each with its line, column and name', () => {
    const text = `users: many
duration: 5 minutes
blocks:
  - chat:
      rate: -1
      boddyBytes: 5
  - chatt: {}
connection:
  transport: udp
`
    assert.deepEqual(errorsOf(text), [
      's.yml:1:8: users must be a whole number',
      's.yml:2:11: duration must be a duration such as 500ms, 60s, 10m or 1h',
      's.yml:5:13: blocks[0].chat.rate must be above 0',
      's.yml:6:7: blocks[0].chat.boddyBytes is not known here; known are users, rate, every, inFlight, bodyBytes, store',
      's.yml:7:5: blocks[1].chatt is not known here; known are idle, chat, presence, loginStorm, history, pages, flaps, mixedDay',
      's.yml:9:14: connection.transport must be one of tcp, starttls, tls, websocket, bosh',
    ])
  })

  it('what the schema cannot say: the pace, thresholds, an empty common group, a CSV without a file', () => {
    const text = `users: 0
accounts: {by: csv}
thresholds: ['p99 ~ 3']
blocks:
  - chat: {}
  - flaps: {users: 4, rate: 1, every: 2s}
`
    assert.deepEqual(errorsOf(text), [
      's.yml:5:11: blocks[0].chat needs either rate or every or inFlight, and only one',
      's.yml:5:11: blocks[0].chat acts on the common group, but users is 0',
      's.yml:6:12: blocks[1].flaps needs either rate or every, and only one',
      's.yml:3:14: thresholds[0] must be a comparison such as p99 < 200ms or lost == 0',
      's.yml:2:11: accounts by csv needs file',
    ])
  })

  it('what does not go together: SASL2 without TLS (XEP-0388 §3)', () => {
    const blocks = 'blocks: [idle: {}]'
    assert.deepEqual(errorsOf(`connection: {transport: tcp, signIn: fast}\n${blocks}`), [
      's.yml:1:38: connection.signIn fast needs TLS: transport starttls, tls or websocket',
    ])
    // BOSH has sessions of its own: XEP-0198 in them only where it is wanted
    const bosh = readScenario(`connection: {transport: bosh}\n${blocks}`, 's.yml')
    assert.ok(bosh.ok && !bosh.value.connection.streamManagement)
  })

  it('broken YAML, and nothing at all', () => {
    assert.match(errorsOf('users: [1\nblocks: x')[0] ?? '', /^s\.yml:\d+:\d+: /)
    assert.deepEqual(errorsOf(''), ['s.yml:1:1: the scenario needs blocks'])
    assert.match(errorsOf('- a')[0] ?? '', /the scenario must be a mapping/)
  })

  it('every scenario that is shipped can be read', () => {
    const folder = join(import.meta.dirname, '../../scenarios')
    for (const file of readdirSync(folder)) {
      const read = readScenario(readFileSync(join(folder, file), 'utf8'), file)
      assert.deepEqual(read.ok ? [] : read.errors, [], file)
    }
  })
})
