import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../run.ts'
import { edited } from './mutate.ts'
import { sourceMutations } from './mutations.ts'

describe('mutations of the source', () => {
  it('each finds its places in the code as it is', () => {
    for (const { edits } of sourceMutations) {
      const texts = new Map<string, string>()
      for (const edit of edits) {
        const text = texts.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8')
        texts.set(edit.file, edited(text, edit))
      }
    }
  })

  it('a place that is not there, or there twice, is refused', () => {
    const edit = { file: 'a.ts', find: 'x', replace: 'y' }
    assert.equal(edited('axb', edit), 'ayb')
    assert.throws(() => edited('ab', edit), /0 times/)
    assert.throws(() => edited('xx', edit), /2 times/)
  })
})
