import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readCommandLine } from './command-line.ts'

describe('npm run loadtest: its arguments', () => {
  it('a run and its options', () => {
    const read = readCommandLine([
      's.yml',
      '--target',
      'h:1',
      '--users',
      '10',
      '--duration',
      '5s',
      '--server-pids',
      '1,2',
    ])
    assert.ok(read.ok && read.value.do === 'run')
    const { target, users, durationMs, serverPids } = read.value.options
    assert.deepEqual(
      { target, users, durationMs, serverPids },
      { target: 'h:1', users: 10, durationMs: 5_000, serverPids: [1, 2] },
    )
  })

  it('compare, target, work, check and help', () => {
    const cases = [
      [['compare', 'a', 'b', '--scenario', 's.yml', '--rounds', '5'], 'compare'],
      [['target', 'ejabberd', 'up'], 'target'],
      [['work', 'h:1'], 'work'],
      [['check', 's.yml'], 'check'],
      [[], 'help'],
    ] as const
    for (const [args, what] of cases) {
      const read = readCommandLine(args)
      assert.ok(read.ok && read.value.do === what, what)
    }
  })

  it('what is wrong is a sentence', () => {
    const cases = [
      [['s.yml', 'more'], /too many arguments: more/],
      [['s.yml', '--users', 'x'], /--users x is not a number/],
      [['s.yml', '--duration', '5'], /--duration 5 is no time/],
      [['s.yml', '--server-pids', 'a'], /a is no process id/],
      [['s.yml', '--nonsense'], /nonsense/],
      [['compare', 'a', '--scenario', 's.yml'], /two targets/],
      [['compare', 'a', 'b'], /needs --scenario/],
      [['compare', 'a', 'b', '--scenario', 's', '--rounds', '0'], /--rounds 0/],
      [['target', 'x'], /needs install, up, down or status/],
    ] as const
    for (const [args, sentence] of cases) {
      const read = readCommandLine(args)
      assert.ok(!read.ok)
      assert.match(read.error, sentence)
    }
  })
})
