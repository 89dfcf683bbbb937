import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { Journal, type JournalOptions } from './journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-journal-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `${files++}.sqlite`)

/** Opens a file and adopts all it holds; `values` is what it then is. */
async function opened(file: string, more: Partial<JournalOptions> = {}) {
  const journal = await Journal.open({ file, durability: 'process', lazyMs: 1, retryMs: 1, ...more })
  const values = new Map<string, string>()
  for (const [key, value] of journal.loaded('')) {
    const text = Buffer.from(value).toString()
    values.set(key, text)
    journal.adopt(key, (writer) => writer.raw(Buffer.from(text)))
  }
  journal.started()
  const put = (key: string, text: string): void => journal.put(key, (writer) => writer.raw(Buffer.from(text)))
  return { journal, values, put }
}

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.nat(12), size: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), key: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), isAwaited: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)

describe('the journal', () => {
  it('property: holds after every opening what was put last and not dropped, however often rows were dropped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
        const file = newFile()
        // Almost no slack: old values are written again all the time
        let now = await opened(file, { slackBytes: 500, dropBytes: 200 })
        const model = new Map<string, string>()
        for (const [index, step] of [...actions, { do: 'reopen' as const }].entries()) {
          switch (step.do) {
            case 'put': {
              const text = `${index} ${'x'.repeat(step.size)}`
              model.set(`k ${step.key}`, text)
              now.put(`k ${step.key}`, text)
              break
            }
            case 'drop':
              model.delete(`k ${step.key}`)
              now.journal.drop(`k ${step.key}`)
              break
            case 'commit': {
              const done = now.journal.commit()
              if (step.isAwaited) await done
              break
            }
            case 'reopen':
              await now.journal.close()
              now = await opened(file, { slackBytes: 500, dropBytes: 200 })
              assert.deepEqual(new Map([...now.values].sort()), new Map([...model].sort()))
          }
        }
        await now.journal.close()
      }),
      { numRuns: 15 },
    )
  })

  it('one value that stays does not keep the rows behind it: the file stays small', async () => {
    const file = newFile()
    const { journal, put } = await opened(file, { slackBytes: 300_000, dropBytes: 50_000 })
    put('stays', 'here')
    for (let i = 0; i < 400; i++) {
      put('comes and goes', `${i} ${'x'.repeat(20_000)}`)
      await journal.commit()
    }
    await journal.close()
    assert.ok(statSync(file).size < 2_000_000, `${statSync(file).size} bytes for 8,000,000 written`)
    const again = await opened(file)
    assert.equal(again.values.get('stays'), 'here')
    assert.match(again.values.get('comes and goes') ?? '', /^399 /)
    await again.journal.close()
  })

  it('what nobody waits for is written soon, in one transaction', async () => {
    const file = newFile()
    const { journal, put } = await opened(file)
    put('a', '1')
    put('b', '2')
    while (journal.position() === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await journal.commit()
    assert.equal(journal.position(), 1)
    await journal.close()
  })

  it('a full disk: commit rejects, isUp is false; when there is room again all of it is written', async () => {
    const file = newFile()
    const events: string[] = []
    const { journal, put } = await opened(file, { onEvent: (what) => events.push(what), maxPages: 10 })
    put('small', '1')
    await journal.commit()
    put('large', 'x'.repeat(200_000))
    await assert.rejects(journal.commit(), { code: 'JOURNAL_FAILED', message: /full/ })
    assert.equal(journal.isUp(), false)
    put('large', 'not so large any more')
    await journal.commit()
    assert.equal(journal.isUp(), true)
    assert.deepEqual(events, ['journal.down', 'journal.up'])
    await journal.close()
    assert.deepEqual([...(await openedAndClosed(file))].sort(), [
      ['large', 'not so large any more'],
      ['small', '1'],
    ])
  })

  it('a thread that ends rejects what was under way and is replaced; a value dropped then does not come back', async () => {
    const file = newFile()
    const threads: Worker[] = []
    const { journal, put } = await opened(file, {
      startWorker: (data) => {
        const url = new URL('./journal-worker.ts', import.meta.url)
        const worker = new Worker(url, { workerData: data, execArgv: [] })
        threads.push(worker)
        return worker
      },
    })
    put('kept', 'k')
    put('dropped', 'd')
    const lost = assert.rejects(journal.commit(), { code: 'JOURNAL_FAILED', message: /thread ended/ })
    await threads[0]?.terminate()
    await lost
    journal.drop('dropped')
    await journal.commit()
    assert.equal(threads.length, 2)
    await journal.close()
    assert.deepEqual([...(await openedAndClosed(file))], [['kept', 'k']])
  })

  it('a file that another process has, that is no file or a newer version’s, is refused', async () => {
    await assert.rejects(Journal.open({ file: folder, durability: 'process' }), { code: 'JOURNAL_FAILED' })
    const file = newFile()
    const { journal } = await opened(file)
    await assert.rejects(Journal.open({ file, durability: 'process', busyMs: 10 }), /locked/)
    await journal.close()
  })
})

async function openedAndClosed(file: string): Promise<ReadonlyMap<string, string>> {
  const { journal, values } = await opened(file)
  await journal.close()
  return values
}
