import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { softwareVersion } from './software-version.ts'
import { sessionContext } from './testing/contexts.ts'
import { askSession } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'

const key = 'get domain {jabber:iq:version}query'
const request = "<iq type='get' id='version_1' to='capulet.example'><query xmlns='jabber:iq:version'/></iq>"

describe('XEP-0092 Software Version', () => {
  it('§2: name and version, and no operating system unless told to', () => {
    const answer = askSession(softwareVersion, key, request, sessionContext(softwareVersion))
    assert.ok(answer.ok)
    sameXml(answer.payload, "<query xmlns='jabber:iq:version'><name>Starling</name><version>0.1.0</version></query>")
  })

  it('§2: an operating system where the option gives one', () => {
    const answer = askSession(softwareVersion, key, request, sessionContext(softwareVersion, {}, { os: 'A & B' }))
    assert.ok(answer.ok)
    sameXml(
      answer.payload,
      "<query xmlns='jabber:iq:version'><name>Starling</name><version>0.1.0</version><os>A &amp; B</os></query>",
    )
  })
})
