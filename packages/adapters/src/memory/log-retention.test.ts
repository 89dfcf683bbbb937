import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Log, LogReader } from '@starling/core'
import { unpackRecord } from '@starling/wire'
import fc from 'fast-check'
import { type MemoryLogOptions, memoryLog } from './log.ts'

const make = (options: Partial<MemoryLogOptions> = {}): Log =>
  memoryLog({ partitions: { t: 1 }, clock: () => 0, retryMs: 1, closeTimeoutMs: 20, ...options })

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a reader from the beginning is given. */
async function kept(log: Log): Promise<readonly number[]> {
  const offsets: number[] = []
  const reader = await log.read('t', 0, {
    from: 0,
    handle: async ({ records }) => {
      offsets.push(...records.map(({ offset }) => offset))
    },
  })
  await turns()
  await reader.close()
  return offsets
}

function join(log: Log, group: string, handle: () => Promise<string>): Promise<LogReader> {
  return log.consume({ group, topics: ['t'], onAssigned: () => {}, onRevoked: () => {}, handle })
}

describe('what the memory log keeps', () => {
  it('records until every group of the topic has committed beyond them', async () => {
    const log = make({ retainRecords: 0 })
    let isSlow = true
    await join(log, 'fast', async () => '')
    await join(log, 'slow', async () => {
      if (isSlow) throw new Error('later')
      return ''
    })
    for (let i = 0; i < 5; i++) await log.produce('t', 0, [Buffer.from('x')])
    assert.deepEqual(await kept(log), [0, 1, 2, 3, 4])
    isSlow = false
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(await kept(log), [])
    await log.close()
  })

  it('records for groups that are named but have not joined yet', async () => {
    const log = make({ groups: { t: ['late'] } })
    await log.produce('t', 0, [Buffer.from('x')])
    await join(log, 'early', async () => '')
    await turns()
    let seen = 0
    await join(log, 'late', async () => `${seen++}`)
    await turns()
    assert.equal(seen, 1)
    await log.close()
  })

  it('without groups: everything until somebody has read the topic, then the newest retainRecords', async () => {
    const log = make({ retainRecords: 2 })
    for (let i = 0; i < 5; i++) await log.produce('t', 0, [Buffer.from('x')])
    assert.deepEqual(await kept(log), [0, 1, 2, 3, 4])
    assert.deepEqual(await kept(log), [3, 4])
    await log.close()
  })

  it('without groups: what an open reader has not handled yet', async () => {
    const log = make({ retainRecords: 0 })
    const seen: number[] = []
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const reader = await log.read('t', 0, {
      from: 0,
      handle: async ({ records }) => {
        await gate
        seen.push(...records.map(({ offset }) => offset))
      },
    })
    for (let i = 0; i < 5; i++) await log.produce('t', 0, [Buffer.from('x')])
    assert.deepEqual(seen, [])
    open()
    await turns()
    assert.deepEqual(seen, [0, 1, 2, 3, 4])
    assert.deepEqual(await kept(log), [])
    await reader.close()
    await log.close()
  })

  it('maxBytes: produce rejects LOG_FULL until a group catches up; offsets have no gap', async () => {
    const log = make({ maxBytes: 4000, groups: { t: ['g'] } })
    const outcomes: string[] = []
    for (let i = 0; i < 10; i++) {
      const call = log.produce('t', 0, [new Uint8Array(800)])
      outcomes.push(
        await call.then(
          ({ offset }) => `${offset}`,
          (error: { code: string }) => error.code,
        ),
      )
    }
    assert.deepEqual(outcomes, ['0', '1', '2', '3', ...Array.from({ length: 6 }, () => 'LOG_FULL')])
    await join(log, 'g', async () => '')
    await turns()
    assert.deepEqual(await log.produce('t', 0, [new Uint8Array(800)]), { offset: 4 })
    await log.close()
  })

  it('baseOffset is where every partition begins', async () => {
    const log = make({ baseOffset: 1_000_000 })
    assert.deepEqual(await log.produce('t', 0, [Buffer.from('x')]), { offset: 1_000_000 })
    assert.deepEqual([...(await log.ends('t'))], [[0, 1_000_001]])
    await log.close()
  })
})

describe('the memory log under a scheduler of its own', () => {
  it('property: whatever order the steps run in, members lose nothing and each partition stays in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), async (seed, plan) => {
        const steps: (() => void)[] = []
        let state = seed >>> 0
        const choose = (count: number): number => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0
          return state % count
        }
        const log = memoryLog({
          partitions: { t: 4 },
          clock: () => 0,
          closeTimeoutMs: 1000,
          schedule: (run) => void steps.push(run),
        })
        const seen = new Map<number, string[]>([0, 1, 2, 3].map((partition) => [partition, []]))
        const owner = new Map<number, number>()
        const enter = (name: number): Promise<LogReader> =>
          log.consume({
            group: 'g',
            topics: ['t'],
            onAssigned: (_, partition) => {
              assert.equal(owner.get(partition), undefined)
              owner.set(partition, name)
            },
            onRevoked: (_, partition) => {
              assert.equal(owner.get(partition), name)
              owner.delete(partition)
            },
            handle: async ({ partition, records }) => {
              assert.equal(owner.get(partition), name)
              if (choose(5) === 0) throw new Error('refused')
              for (const { value } of records) {
                const unpacked = unpackRecord(value)
                assert.ok(unpacked.ok)
                seen.get(partition)?.push(...unpacked.value.map((bytes) => Buffer.from(bytes).toString()))
              }
              return ''
            },
          })
        const sent = new Map<number, string[]>([0, 1, 2, 3].map((partition) => [partition, []]))
        const calls: Promise<unknown>[] = []
        const run = async (): Promise<void> => {
          const [step] = steps.splice(choose(steps.length), 1)
          step?.()
          await new Promise((resolve) => setImmediate(resolve))
        }
        await enter(1)
        for (const [i, partition] of plan.entries()) {
          if (i === 5) await enter(2)
          sent.get(partition)?.push(`${i}`)
          calls.push(log.produce('t', partition, [Buffer.from(`${i}`)]))
          if (choose(2) === 0 && steps.length > 0) await run()
        }
        while (steps.length > 0) await run()
        await Promise.all(calls)
        assert.deepEqual(seen, sent)
      }),
      { numRuns: 100 },
    )
  })
})
