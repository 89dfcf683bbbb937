import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readScenario } from '../scenario/read-scenario.ts'
import { chooseAccounts, readCsv } from './accounts.ts'

const read = readScenario('blocks: [idle: {}]', 's.yml')
assert.ok(read.ok)
const scenario = read.value
const admin = { url: 'http://127.0.0.1:1', token: 't' }

describe('where accounts come from', () => {
  it('the admin API where it is known, else registration where the server is open, else what is there', () => {
    const by = (target: Parameters<typeof chooseAccounts>[1]): string => chooseAccounts(scenario, target).accounts.by
    assert.equal(by({ name: 'x', admin, isOpen: true }), 'api')
    assert.equal(by({ name: 'x', admin: undefined, isOpen: true }), 'register')
    assert.equal(by({ name: 'x', admin: undefined, isOpen: false }), 'existing')
  })

  it('a CSV: headings, comments, quotes, whole addresses and commas in passwords', () => {
    const text = 'name,password\r\n# no\nromeo,secret\n"juliet@example.org","a ""b"" c"\nnurse,p,q\n\n'
    assert.deepEqual(readCsv(text), [
      ['romeo', 'secret'],
      ['juliet', 'a "b" c'],
      ['nurse', 'p,q'],
    ])
  })
})
