import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Written } from './written.ts'

const message = (text: string): string => `<message to="a@b"><body>${text}</body></message>`

describe('what a client wrote, counted as the server counts (XEP-0198 §4)', () => {
  it('acknowledges by h, over stanzas of every kind and several in one write', () => {
    const written = new Written()
    written.wrote('<presence/>')
    written.wrote(`<enable xmlns="urn:xmpp:sm:3"/>`)
    written.wrote(`<presence/>${message('a.1')}${message('a.2')}`)
    written.began()
    assert.deepEqual(written.handled(2), ['a.1'])
    assert.deepEqual(written.handled(2), [])
    assert.deepEqual(written.handled(3), ['a.2'])
  })

  it('§5: what a resumption has not counted is sent again, and that is no repetition', () => {
    const written = new Written()
    written.wrote(message('a.1') + message('a.2'))
    assert.deepEqual(written.resumed(1), ['a.1'])
    assert.deepEqual(written.wrote(message('a.2')), [])
    assert.deepEqual(written.handled(2), ['a.2'])
  })

  it('a session that was asked for beside a resumption, and not needed, changes nothing', () => {
    const written = new Written()
    written.wrote(message('a.1') + message('a.2'))
    written.wrote('<authenticate><bind><enable xmlns="urn:xmpp:sm:3"/></bind></authenticate>')
    assert.deepEqual(written.resumed(2), ['a.1', 'a.2'])
  })

  it('a client that sends again what was acknowledged to it is found out', () => {
    const written = new Written()
    written.wrote(message('a.1') + message('a.2'))
    assert.deepEqual(written.resumed(2), ['a.1', 'a.2'])
    assert.deepEqual(written.wrote(message('a.2') + message('a.3')), ['a.2'])
  })
})
