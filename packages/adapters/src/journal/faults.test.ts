import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Log, LogRecord, Presence } from '@starling/core'
import { bareJid } from '@starling/jid'
import { unpackRecord } from '@starling/wire'
import { smallDisk } from './disk.test-helper.ts'
import { type EmbeddedOptions, openEmbedded } from './embedded.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-journal-'))
after(() => rmSync(folder, { recursive: true }))

const romeo = bareJid('romeo', 'montague.test')
const partitions = 2

function open(file: string, more: Partial<EmbeddedOptions['journal']> = {}, baseOffset = 0) {
  return openEmbedded({
    journal: { folder: file, durability: 'process', ...more },
    log: { partitions: { t: partitions, passing: 1 }, groups: { t: ['g'] }, clock: () => 1, retryMs: 1, baseOffset },
    passingTopics: ['passing'],
    presence: { clock: () => 0 },
  })
}

async function closed({ log, presence }: { readonly log: Log; readonly presence: Presence }): Promise<void> {
  await log.close()
  await presence.close()
}

/** What a group is given that reads all there is of `t`. */
async function readAll(log: Log, group = 'g'): Promise<readonly (readonly LogRecord[])[]> {
  const read: LogRecord[][] = Array.from({ length: partitions }, () => [])
  const ends = await log.ends('t')
  const reader = await log.consume({
    group,
    topics: ['t'],
    onAssigned: () => {},
    onRevoked: () => {},
    handle: async ({ partition, records }) => {
      read[partition]?.push(...records)
      return `m${records.at(-1)?.offset}`
    },
  })
  for (const [partition, end] of ends) {
    if (end % 1000 === 0) continue // nothing was ever there: bases are whole thousands
    while ((await log.committed(group, 't')).get(partition)?.offset !== end) {
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  await reader.close()
  return read
}

function textsOf(records: readonly LogRecord[]): readonly string[] {
  return records.flatMap(({ value }) => {
    const unpacked = unpackRecord(value)
    assert.ok(unpacked.ok)
    return unpacked.value.map((bytes) => Buffer.from(bytes).toString())
  })
}

// Writes numbered envelopes, and states with queues, as fast as it can; says each once its call resolved.
const writer = `
  import { openEmbedded } from '${new URL('./embedded.ts', import.meta.url).href}'
  const [file, first, base] = process.argv.slice(1)
  const { log, presence } = await openEmbedded({
    journal: { folder: file, durability: 'process' },
    log: { partitions: { t: ${partitions} }, groups: { t: ['g'] }, clock: () => 1, baseOffset: Number(base) },
    passingTopics: [], presence: { clock: () => 0 },
  })
  let next = Number(first)
  const bytes = (text) => new TextEncoder().encode(text)
  const produce = async (partition) => {
    for (;;) {
      const ids = [next++, next++, next++]
      await log.produce('t', partition, ids.map((id) => bytes(id + ' ' + 'x'.repeat(300))))
      process.stdout.write('p' + partition + ' ' + ids.join(' ') + '\\n')
    }
  }
  const save = async () => {
    for (let mark = Number(base); ; mark++) {
      const queues = [{ queue: 'q', append: [{ ordinal: mark + 1, bytes: bytes('o' + mark) }] }]
      await presence.saveStates('routing', [
        { account: '${romeo}', mark, set: new Map([['f', bytes('v' + mark)]]), remove: [], queues }])
      // What the log holds stands behind what was saved before it
      await log.produce('t', 0, [])
      process.stdout.write('s ' + mark + '\\n')
    }
  }
  await Promise.all([produce(0), produce(0), produce(1), produce(1), save()])
`

/** Runs the writer and kills it after it has said so much; returns its whole lines. */
async function killed(file: string, first: number, saidBytes: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, file, `${first}`, `${first}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
    if (said.length > saidBytes) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  assert.equal(signal, 'SIGKILL')
  return said.slice(0, said.lastIndexOf('\n')).split('\n')
}

describe('log and presence of one process under faults', () => {
  it('R1: kill -9 under load, again and again, loses nothing that resolved: once, in order, at rising offsets', async () => {
    const file = join(folder, 'killed.journal')
    const produced: string[][] = Array.from({ length: partitions }, () => [])
    let lastMark = -1
    for (let life = 0; life < 4; life++) {
      const lines = await killed(file, life * 1_000_000, 2_000 + life * 3_000)
      for (const line of lines) {
        const [what = '', ...numbers] = line.split(' ')
        if (what === 's') lastMark = Number(numbers[0])
        else produced[Number(what.slice(1))]?.push(...numbers)
      }
    }
    assert.ok(produced.flat().length > 100)
    const embedded = await open(file, {}, 4_000_000)
    const read = await readAll(embedded.log)
    for (const [partition, records] of read.entries()) {
      const ids = textsOf(records).map((text) => text.split(' ')[0] ?? '')
      assert.equal(new Set(ids).size, ids.length, 'nothing twice')
      const there = new Set(ids)
      assert.deepEqual(
        produced[partition]?.filter((id) => !there.has(id)),
        [],
      )
      // Two writers a partition: each one's numbers rise, and those said first stand first
      const lives = ids.map((id) => Math.floor(Number(id) / 1_000_000))
      assert.deepEqual(lives, [...lives].sort())
      const offsets = records.map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        [...new Set(offsets)].sort((a, b) => a - b),
      )
      assert.ok(Math.max(...offsets) < ((await embedded.log.produce('t', partition, [])).offset as number))
    }
    const [state] = await embedded.presence.readStates('routing', [romeo])
    assert.ok(state !== undefined && state.mark >= lastMark, `${state?.mark} after ${lastMark}`)
    assert.equal(Buffer.from(state.fields.get('f') ?? []).toString(), `v${state.mark}`)
    const [entries = []] = await embedded.presence.readQueues([{ account: romeo, queue: 'q', ordinal: 0 }], 1e6)
    assert.equal(entries.at(-1)?.ordinal, state.mark + 1, 'a state and its queue are kept together')
    await closed(embedded)
  })

  it('R2: what every group committed is gone, what one did not is read again, with the metadata of the commit', async () => {
    const file = join(folder, 'commits.journal')
    const first = await open(file)
    for (const text of ['a', 'b']) await first.log.produce('t', 0, [Buffer.from(text)])
    assert.deepEqual((await readAll(first.log)).map(textsOf), [['a', 'b'], []])
    await first.log.produce('t', 0, [Buffer.from('c')])
    await closed(first)
    const second = await open(file, {}, 1000)
    assert.deepEqual([...(await second.log.committed('g', 't'))], [[0, { offset: 2, metadata: 'm1' }]])
    assert.deepEqual((await readAll(second.log)).map(textsOf), [['c'], []])
    await closed(second)
    // All was trimmed: offsets go on above what there was all the same, also without a base
    const third = await open(file)
    assert.deepEqual(await third.log.produce('t', 0, [Buffer.from('d')]), { offset: 3 })
    assert.deepEqual((await third.log.committed('g', 't')).get(0), { offset: 3, metadata: 'm2' })
    await closed(third)
  })

  it('R9: with records left the partitions are as many as before, without any as many as wanted; offsets go on above all', async () => {
    const file = join(folder, 'partitions.journal')
    const counts: number[] = []
    const life = async (wanted: number, base: number, use: (log: Log) => Promise<void>, former?: number) => {
      const embedded = await openEmbedded({
        journal: { folder: file, durability: 'process' },
        log: { partitions: { t: wanted }, groups: { t: ['g'] }, clock: () => 1, retryMs: 1, baseOffset: base },
        ...(former === undefined ? {} : { formerPartitions: former }),
        passingTopics: [],
        presence: { clock: () => 0 },
      })
      counts.push(await embedded.log.partitions('t'))
      await use(embedded.log)
      await closed(embedded)
    }
    await life(2, 0, async (log) => void (await log.produce('t', 1, [Buffer.from('a')])), 7)
    await life(1, 1000, async (log) => assert.deepEqual((await readAll(log)).map(textsOf), [[], ['a']]))
    await life(1, 2000, async (log) =>
      assert.deepEqual(await log.produce('t', 0, [Buffer.from('b')]), { offset: 2000 }),
    )
    await life(3, 3000, async (log) => assert.deepEqual((await readAll(log)).map(textsOf), [['b'], []]))
    assert.deepEqual(counts, [2, 2, 1, 1])
  })

  it('a topic that passes with the process is not kept', async () => {
    const file = join(folder, 'passing.journal')
    const first = await open(file)
    assert.deepEqual(await first.log.produce('passing', 0, [Buffer.from('a')]), { offset: 0 })
    await closed(first)
    const second = await open(file, {}, 1000)
    assert.deepEqual(await second.log.produce('passing', 0, [Buffer.from('b')]), { offset: 1000 })
    await closed(second)
  })

  it('R8: a full disk is LOG_FAILED and PRESENCE_DOWN and shows in health; what failed is nowhere, the rest goes on', async () => {
    const file = join(folder, 'full.journal')
    const embedded = await open(file, { disk: smallDisk(100_000), retryMs: 1 })
    const { log, presence } = embedded
    assert.deepEqual(await log.produce('t', 0, [Buffer.from('small')]), { offset: 0 })
    await assert.rejects(log.produce('t', 0, [Buffer.alloc(200_000)]), { code: 'LOG_FAILED' })
    assert.equal(log.health().isUp, false)
    assert.equal(presence.isUp(), false)
    const big = { account: romeo, mark: 1, set: new Map([['f', Buffer.alloc(200_000)]]), remove: [] }
    await assert.rejects(presence.saveStates('session', [big]), { code: 'PRESENCE_DOWN' })
    const smaller = { ...big, mark: 2, set: new Map([['f', Buffer.from('v')]]) }
    assert.deepEqual(await presence.saveStates('session', [smaller]), [true])
    assert.equal(log.health().isUp, true)
    assert.equal(presence.isUp(), true)
    // The offset of what failed is used up
    assert.deepEqual(await log.produce('t', 0, [Buffer.from('again')]), { offset: 2 })
    await closed(embedded)
    const second = await open(file)
    assert.deepEqual((await readAll(second.log)).map(textsOf), [['small', 'again'], []])
    const [state] = await second.presence.readStates('session', [romeo])
    assert.equal(state?.mark, 2)
    await closed(second)
  })

  it('R3: what was decided is there after a restart, of an account that was never saved too', async () => {
    const file = join(folder, 'decisions.journal')
    const juliet = bareJid('juliet', 'montague.test')
    const first = await open(file)
    await first.presence.saveStates('session', [{ account: romeo, mark: 0, set: new Map(), remove: [] }])
    const decided = { until: 9, bytes: Buffer.from('decided') }
    await first.presence.decideStates('session', [
      { account: romeo, mark: 0, ...decided },
      { account: juliet, mark: -1, ...decided },
    ])
    await closed(first)
    const second = await open(file)
    const states = await second.presence.readStates('session', [romeo, juliet])
    assert.deepEqual(
      states.map(({ mark, fields, decision }) => [
        mark,
        fields.size,
        decision?.until,
        `${Buffer.from(decision?.bytes ?? [])}`,
      ]),
      [
        [0, 0, 9, 'decided'],
        [-1, 0, 9, 'decided'],
      ],
    )
    await closed(second)
  })

  it('generations, rolls, queues, hibernations are there after a restart; leases and counters are not', async () => {
    const file = join(folder, 'presence.journal')
    const first = await open(file)
    const life = { slot: 0, epoch: 7 }
    const append = [1, 2, 3].map((ordinal) => ({ ordinal, bytes: Buffer.from(`${ordinal}`) }))
    const queues = [
      { queue: 'q', append },
      { queue: 'over', append },
    ]
    await first.presence.saveStates('routing', [{ account: romeo, mark: 1, set: new Map(), remove: [], queues }])
    const ended = [{ queue: 'over', append: [], isEnded: true }]
    await first.presence.saveStates('routing', [{ account: romeo, mark: 2, set: new Map(), remove: [], queues: ended }])
    await first.presence.trimQueues([{ account: romeo, queue: 'q', ordinal: 1 }])
    assert.equal(await first.presence.takeGeneration('a'), 1)
    await first.presence.enlist(life, ['one', 'two words'])
    await first.presence.delist(life, ['one'])
    await first.presence.noteHibernations([
      { name: 'n', endsAtMs: 5 },
      { name: 'm', endsAtMs: 4 },
    ])
    await first.presence.forgetHibernations(['m'])
    await first.presence.leaseSlot('pod', 1, 1000)
    await first.presence.addToCounter('c', 1, 1000)
    await closed(first)
    const { presence, log } = await open(file)
    assert.equal((await presence.readStates('routing', [romeo]))[0]?.mark, 2)
    const places = ['q', 'over'].map((queue) => ({ account: romeo, queue, ordinal: 0 }))
    const kept = await presence.readQueues(places, 10)
    assert.deepEqual(
      kept.map((entries) => entries.map(({ ordinal, bytes }) => `${ordinal}=${Buffer.from(bytes)}`)),
      [['2=2', '3=3'], []],
    )
    assert.equal(await presence.takeGeneration('a'), 2)
    assert.deepEqual(await presence.rolls(10), [life])
    assert.deepEqual(await presence.readRoll(life, 10), ['two words'])
    assert.deepEqual(await presence.endedHibernations(9, 10), ['n'])
    assert.notEqual(await presence.leaseSlot('other', 1, 1000), undefined)
    assert.equal(await presence.addToCounter('c', 1, 1000), 1)
    await closed({ presence, log })
  })
})
