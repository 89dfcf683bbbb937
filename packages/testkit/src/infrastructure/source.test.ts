import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseSource } from './source.ts'

const choose = (asked: string | undefined, isPlain: boolean, answers: boolean): ReturnType<typeof chooseSource> =>
  chooseSource({ asked, isPlain, composeAnswers: async () => answers })

describe('where tests take their servers from', () => {
  it('containers when an engine answers, else this machine', async () => {
    assert.deepEqual(await choose(undefined, true, true), { source: 'compose', isForced: false })
    assert.deepEqual(await choose('', true, false), { source: 'local', isForced: false })
  })

  it('this machine for what docker-compose.yml does not hold', async () => {
    assert.deepEqual(await choose(undefined, false, true), { source: 'local', isForced: false })
    assert.deepEqual(await choose('compose', false, true), { source: 'local', isForced: true })
  })

  it('what is asked for, whether or not an engine answers', async () => {
    assert.deepEqual(await choose('compose', true, false), { source: 'compose', isForced: true })
    assert.deepEqual(await choose('local', true, true), { source: 'local', isForced: true })
  })

  it('nothing for a word it does not know', async () => {
    await assert.rejects(choose('podman', true, true), /compose or local; not 'podman'/)
  })
})
