import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { countLines, isTooLong, maxLines, tooLongFiles } from './file-size.ts'

describe('file size', () => {
  it('counts lines with and without a last newline', () => {
    assert.deepEqual(['', 'a', 'a\n', 'a\nb', 'a\n\n'].map(countLines), [0, 1, 1, 2, 2])
  })

  it('lets exactly the limit pass, and generated files and tables', () => {
    assert.equal(isTooLong('packages/a/src/a.ts', maxLines), false)
    assert.equal(isTooLong('packages/a/src/a.ts', maxLines + 1), true)
    assert.equal(isTooLong('packages/a/src/precis-table.ts', maxLines + 1), false)
  })

  it('finds a long file below services and passes over node_modules', () => {
    const root = mkdtempSync(join(tmpdir(), 'starling-size-'))
    for (const folder of ['services/a/src', 'services/a/node_modules/b']) {
      mkdirSync(join(root, folder), { recursive: true })
      writeFileSync(join(root, folder, 'long.ts'), 'x\n'.repeat(maxLines + 1))
    }
    assert.deepEqual(tooLongFiles(root), ['services/a/src/long.ts: 401 lines, 400 allowed (STYLE 14)'])
  })
})
