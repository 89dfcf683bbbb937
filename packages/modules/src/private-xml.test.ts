import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Document } from '@starling/core'
import { maxNameBytes, privateXml } from './private-xml.ts'
import { juliet, sessionContext, storageContext } from './testing/contexts.ts'
import { type Answers, askSession, askStorage } from './testing/drive.ts'
import { sameXml } from './testing/markup.ts'

/** A storage of documents, in memory. */
function keep(): { answers: Answers; documents: Map<string, Document> } {
  const documents = new Map<string, Document>()
  return {
    documents,
    answers: {
      'document.list': () => [...documents.values()],
      'document.put': (document) => {
        documents.set(document.name, document)
        return undefined
      },
      'document.get': ({ name }) => documents.get(name),
    },
  }
}
const iq = (type: string, inner: string) =>
  `<iq type='${type}' id='1'><query xmlns='jabber:iq:private'>${inner}</query></iq>`
const set = (inner: string, answers: Answers, given = {}) =>
  askStorage(privateXml, 'set self {jabber:iq:private}query', {
    request: iq('set', inner),
    context: storageContext(privateXml, {}, given),
    answers,
  })
const get = (inner: string, answers: Answers) =>
  askStorage(privateXml, 'get self {jabber:iq:private}query', {
    request: iq('get', inner),
    context: storageContext(privateXml),
    answers,
  })

describe('XEP-0049 Private XML Storage', () => {
  it('§2.3 examples 1–4: what was set is what a get returns', async () => {
    const { answers, documents } = keep()
    const stored = await set("<exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus>", answers)
    assert.equal(stored.error, undefined)
    assert.equal(stored.payload, undefined)
    assert.equal(documents.get('{exodus:prefs}exodus')?.owner, juliet)
    const { payload } = await get("<exodus xmlns='exodus:prefs'/>", answers)
    sameXml(
      payload,
      "<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus></query>",
    )
  })

  it('a prefix declared outside the element is kept with it', async () => {
    const { answers } = keep()
    const request =
      "<iq type='set' id='1' xmlns:e='exodus:prefs'><query xmlns='jabber:iq:private'><e:exodus><e:nick>H</e:nick></e:exodus></query></iq>"
    const context = storageContext(privateXml)
    await askStorage(privateXml, 'set self {jabber:iq:private}query', { request, context, answers })
    const { payload } = await get("<exodus xmlns='exodus:prefs'/>", answers)
    sameXml(payload, "<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><nick>H</nick></exodus></query>")
  })

  it('§2.3: what was never set is returned empty', async () => {
    const { payload } = await get("<a xmlns='urn:a'><b/></a>", keep().answers)
    sameXml(payload, "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/></query>")
  })

  it('§2.3: a get of nothing is a bad request, of two namespaces not acceptable', async () => {
    const { answers } = keep()
    assert.equal((await get('', answers)).error?.condition, 'bad-request')
    assert.equal((await get("<a xmlns='urn:a'/><b xmlns='urn:b'/>", answers)).error?.condition, 'not-acceptable')
  })

  it('§2.3: a set of nothing, or of an element without a namespace of its own, is not acceptable', async () => {
    const { answers, documents } = keep()
    for (const inner of ['', '<a/>', "<a xmlns='urn:a'/><b/>", "<a xmlns='jabber:client'/>"]) {
      assert.equal((await set(inner, answers)).error?.condition, 'not-acceptable', inner)
    }
    assert.equal(documents.size, 0)
  })

  it("§2.3: others' data is forbidden", () => {
    for (const type of ['get', 'set'] as const) {
      const key = `${type} account {jabber:iq:private}query` as const
      const answer = askSession(privateXml, key, iq(type, "<a xmlns='urn:a'/>"), sessionContext(privateXml))
      assert.equal(!answer.ok && answer.error.condition, 'forbidden')
    }
  })

  it('limit: a namespace too long for a key is a policy violation, and was never set', async () => {
    const { answers, documents } = keep()
    const namespace = (bytes: number) => 'é'.repeat(bytes / 2)
    const fits = `<a xmlns='${namespace(maxNameBytes - 4)}'/>`
    const tooLong = `<a xmlns='${namespace(maxNameBytes)}'/>`
    assert.equal((await set(fits, answers)).error, undefined)
    assert.equal((await set(tooLong, answers)).error?.condition, 'policy-violation')
    assert.equal(documents.size, 1)
    const got = await get(tooLong, answers)
    assert.deepEqual(got.asked, [])
    sameXml(got.payload, `<query xmlns='jabber:iq:private'>${tooLong}</query>`)
  })

  it('limits: an element too long is a policy violation, one too many a resource constraint, and nothing is kept', async () => {
    const { answers, documents } = keep()
    const long = `<a xmlns='urn:a'>${'x'.repeat(2000)}</a>`
    assert.equal((await set(long, answers, { maxElementBytes: 1024 })).error?.condition, 'policy-violation')
    const three = "<a xmlns='urn:a'/><b xmlns='urn:b'/><c xmlns='urn:c'/>"
    assert.equal((await set(three, answers, { maxElements: 2 })).error?.condition, 'resource-constraint')
    assert.equal(documents.size, 0)
    await set("<a xmlns='urn:a'/><b xmlns='urn:b'/>", answers, { maxElements: 2 })
    const again = await set("<b xmlns='urn:b'>new</b>", answers, { maxElements: 2 })
    assert.equal(again.error, undefined, 'an element that is there already may be changed')
    assert.equal(documents.size, 2)
  })
})
