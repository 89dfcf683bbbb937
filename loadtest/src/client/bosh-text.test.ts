import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boshRequest, readBoshAnswer, sessionRequest } from './bosh-text.ts'

describe('BOSH for the load', () => {
  it('XEP-0124 §7.1, XEP-0206 §3, §5: a session, stanzas in it, a restart, its end', () => {
    const namespaces = "xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'"
    assert.equal(
      sessionRequest(7, 'example.org'),
      `<body content='text/xml; charset=utf-8' hold='1' rid='7' to='example.org' ver='1.6' wait='60' xml:lang='en' xmpp:version='1.0' ${namespaces}/>`,
    )
    const base = { rid: 8, sid: 's', domain: 'example.org', stanzas: '<iq/>' }
    assert.deepEqual(
      (['stanzas', 'restart', 'terminate'] as const).map((kind) => boshRequest({ ...base, kind })),
      [
        `<body rid='8' sid='s' ${namespaces}><iq/></body>`,
        `<body rid='8' sid='s' to='example.org' xml:lang='en' xmpp:restart='true' ${namespaces}/>`,
        `<body rid='8' sid='s' type='terminate' ${namespaces}><iq/></body>`,
      ],
    )
  })

  it('XEP-0124 §7.2, §17.2: what an answer holds, whether it ends the session; what is none is told', () => {
    const read = (text: string) => {
      const answer = readBoshAnswer(Buffer.from(text))
      return answer === undefined ? undefined : { ...answer, payload: answer.payload.toString() }
    }
    assert.deepEqual(read("<body sid='s' xmlns='x'><message><body>é</body></message></body>"), {
      payload: '<message><body>é</body></message>',
      sid: 's',
      terminated: undefined,
    })
    assert.deepEqual(read("<body xmlns='x'/>"), { payload: '', sid: '', terminated: undefined })
    assert.equal(read("<body type='terminate' condition='item-not-found'/>")?.terminated, 'item-not-found')
    assert.deepEqual(
      [read(''), read('<html>no</html>'), read("<body sid='s'><message>")],
      [undefined, undefined, undefined],
    )
  })
})
