import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { archiveCount, archiveQuery, readPageEnd } from './archive-query.ts'

describe('XEP-0313: reading an archive', () => {
  it('§4.1.2 from a time, XEP-0059 §2.2 after an item', () => {
    const first = archiveQuery({ id: 'm1', max: 50, start: '2026-01-01T00:00:00Z' })
    assert.match(
      first,
      /<field var='start'><value>2026-01-01T00:00:00Z<\/value><\/field><\/x><set [^>]*><max>50<\/max><\/set>/,
    )
    assert.match(archiveQuery({ id: 'm2', max: 5, after: "a'<" }), /<max>5<\/max><after>a&apos;&lt;<\/after>/)
    // XEP-0059 §2.5: the last page
    assert.match(archiveQuery({ id: 'm3', max: 5, before: '' }), /<max>5<\/max><before><\/before><\/set>/)
  })

  it('§4.2 <fin/>: where the next page goes on, and whether there is one', () => {
    const fin = (attributes: string, set: string): string =>
      `<iq type='result' id='m1'><fin xmlns='urn:xmpp:mam:2'${attributes}>${set}</fin></iq>`
    const page = readPageEnd(
      fin('', "<set xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>28482-98726</last></set>"),
    )
    assert.deepEqual(page, { ok: true, isComplete: false, last: '28482-98726' })
    assert.deepEqual(readPageEnd(fin(" complete='true'", '')), { ok: true, isComplete: true, last: '' })
    assert.equal(archiveCount(fin('', '<set><count> 78</count></set>')), 78)
    assert.equal(archiveCount(fin('', '<set/>')), undefined)
    const error = "<iq type='error' id='m1'><error type='cancel'><item-not-found/></error></iq>"
    assert.deepEqual(readPageEnd(error), { ok: false, error: 'item-not-found' })
  })
})
