import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ping } from './ping.ts'
import { sessionContext } from './testing/contexts.ts'
import { askSession } from './testing/drive.ts'

describe('XEP-0199 XMPP Ping', () => {
  for (const scope of ['self', 'domain'] as const) {
    it(`§4.2: a ping to ${scope} is answered by an empty result`, () => {
      const request = "<iq type='get' id='c2s1'><ping xmlns='urn:xmpp:ping'/></iq>"
      const answer = askSession(ping, `get ${scope} {urn:xmpp:ping}ping`, request, sessionContext(ping))
      assert.deepEqual(answer, { ok: true, effects: [] })
    })
  }

  it("§4.2: other people's accounts are not pinged, which would tell that they exist", () => {
    assert.deepEqual(Object.keys(ping.iq ?? {}), ['get self {urn:xmpp:ping}ping', 'get domain {urn:xmpp:ping}ping'])
  })
})
