import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entityTime } from './entity-time.ts'
import { sessionContext } from './testing/contexts.ts'
import { askSession } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'

describe('XEP-0202 Entity Time', () => {
  it('§2: the time zone offset, and the time in UTC', () => {
    const request = "<iq type='get' id='time_1' to='capulet.example'><time xmlns='urn:xmpp:time'/></iq>"
    const answer = askSession(entityTime, 'get domain {urn:xmpp:time}time', request, sessionContext(entityTime))
    assert.ok(answer.ok)
    sameXml(answer.payload, "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2026-11-23T10:00:00.000Z</utc></time>")
  })
})
