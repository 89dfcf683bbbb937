import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { smallDisk } from './disk.test-helper.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { rowHeadBytes } from './segments.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-journal-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `${files++}`)

/** Opens a file and adopts all it holds; `values` is what it then is. */
async function opened(file: string, more: Partial<JournalOptions> = {}) {
  const journal = await Journal.open({ folder: file, durability: 'process', lazyMs: 1, retryMs: 1, ...more })
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
        let now = await opened(file, { slackBytes: 500, dropBytes: 200, segmentBytes: 300 })
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
              now = await opened(file, { slackBytes: 500, dropBytes: 200, segmentBytes: 300 })
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
    const { journal, put } = await opened(file, { slackBytes: 300_000, dropBytes: 50_000, segmentBytes: 100_000 })
    put('stays', 'here')
    for (let i = 0; i < 400; i++) {
      put('comes and goes', `${i} ${'x'.repeat(20_000)}`)
      await journal.commit()
    }
    await journal.close()
    const bytes = rowsIn(file).reduce((sum, rows) => sum + statSync(rows).size, 0)
    assert.ok(bytes < 2_000_000, `${bytes} bytes for 8,000,000 written`)
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
    const { journal, put } = await opened(file, { onEvent: (what) => events.push(what), disk: smallDisk(100_000) })
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

  it('a row that is torn, or changed, ends what is read, whatever stands behind it; the next row has its number', async () => {
    const file = newFile()
    for (const damage of ['cut', 'changed', 'none'] as const) {
      rmSync(file, { recursive: true, force: true })
      const { journal, put } = await opened(file)
      for (const text of ['one', 'two', 'three']) {
        put('key', text)
        put(text, '')
        await journal.commit()
      }
      await journal.close()
      const [rows = ''] = rowsIn(file)
      const bytes = readFileSync(rows)
      if (damage === 'cut') truncateSync(rows, bytes.length - 1)
      if (damage === 'changed') {
        const at = bytes.indexOf('two')
        writeFileSync(rows, Buffer.concat([bytes.subarray(0, at), Buffer.from('tWo'), bytes.subarray(at + 3)]))
      }
      const whole = damage === 'none' ? 'three' : damage === 'cut' ? 'two' : 'one'
      const again = await opened(file)
      assert.equal(again.values.get('key'), whole)
      again.put('four', '')
      await again.journal.close()
      const last = await openedAndClosed(file)
      assert.deepEqual([last.get('key'), last.has('four')], [whole, true])
    }
  })

  it('a power cut that took the end of a file takes all behind it: the journal shows one moment', async () => {
    const file = newFile()
    const { journal, put } = await opened(file, { segmentBytes: 1 })
    for (const text of ['one', 'two', 'three']) {
      put('key', text)
      await journal.commit()
    }
    await journal.close()
    const [, second = ''] = rowsIn(file)
    truncateSync(second, 3)
    const again = await opened(file)
    assert.equal(again.values.get('key'), 'one')
    again.put('key', 'four')
    await again.journal.close()
    assert.equal((await openedAndClosed(file)).get('key'), 'four')
  })

  it('power: a commit resolves when the disk has it, and is rejected and written again when the disk refuses', async () => {
    const file = newFile()
    let isRefusing = false
    let synced = 0
    const sync = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (isRefusing) throw new Error('the disk refuses')
      synced++
    }
    const { journal, put } = await opened(file, { durability: 'power', disk: { ...smallDisk(1_000_000), sync } })
    put('a', '1')
    const done = journal.commit()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(synced, 0)
    await done
    assert.ok(synced > 0)
    isRefusing = true
    put('a', '2')
    put('forgotten', '')
    const refused = assert.rejects(journal.commit(), { code: 'JOURNAL_FAILED', message: /refuses/ })
    await new Promise((resolve) => setImmediate(resolve))
    journal.forget('forgotten')
    await refused
    isRefusing = false
    await journal.commit()
    await journal.close()
    assert.equal((await openedAndClosed(file)).get('a'), '2')
  })

  it('takes over what an earlier version kept in one file, once', async () => {
    const file = newFile()
    const { journal, put } = await opened(file)
    put('key', 'of the earlier version')
    await journal.close()
    const oldFile = `${file}.sqlite`
    const [rows = ''] = rowsIn(file)
    const old = new DatabaseSync(oldFile)
    old.exec('CREATE TABLE journal (seq INTEGER PRIMARY KEY, changes BLOB NOT NULL)')
    old.prepare('INSERT INTO journal VALUES (7, ?)').run(readFileSync(rows).subarray(rowHeadBytes))
    old.close()
    const folder = newFile()
    for (let start = 0; start < 2; start++) {
      const { journal: now, values } = await opened(folder, { oldFile })
      assert.equal(values.get('key'), 'of the earlier version')
      assert.throws(() => statSync(oldFile), { code: 'ENOENT' })
      await now.close()
    }
  })

  it('a folder that another process has, or that is none, is refused', async () => {
    const file = newFile()
    writeFileSync(file, '')
    await assert.rejects(Journal.open({ folder: file, durability: 'process' }), { code: 'JOURNAL_FAILED' })
    const taken = newFile()
    const { journal } = await opened(taken)
    await assert.rejects(Journal.open({ folder: taken, durability: 'process', busyMs: 10 }), /locked/)
    await journal.close()
  })
})

/** The files of rows in a journal's folder, in order. */
function rowsIn(file: string): readonly string[] {
  return readdirSync(file)
    .filter((one) => one.endsWith('.rows'))
    .sort()
    .map((one) => join(file, one))
}

async function openedAndClosed(file: string): Promise<ReadonlyMap<string, string>> {
  const { journal, values } = await opened(file)
  await journal.close()
  return values
}
