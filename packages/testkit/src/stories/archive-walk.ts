import assert from 'node:assert/strict'
import { xml } from '@xmpp/client'
import type { Device } from './device.ts'

/** One archived message as a client sees it. */
export interface Archived {
  readonly id: string
  readonly body: string
}

const rsm = 'http://jabber.org/protocol/rsm'
const mam = 'urn:xmpp:mam:2'

/** Walks the archive of a device's account forward, `max` a page, what it exchanged with `peer` alone. Source: XEP-0313 §4. */
export async function walkArchive(device: Device, peer: string, max: number): Promise<readonly Archived[]> {
  const all: Archived[] = []
  for (let page = 0; page < 20; page++) {
    const after = all.at(-1)?.id
    const queryId = `page-${page} ${peer}` // of its own: results of other walks are still unread
    const answer = await device.request(
      'set',
      xml(
        'query',
        { xmlns: mam, queryid: queryId },
        xml('x', { xmlns: 'jabber:x:data', type: 'submit' }, field('FORM_TYPE', mam), field('with', peer)),
        xml(
          'set',
          { xmlns: rsm },
          xml('max', {}, String(max)),
          ...(after === undefined ? [] : [xml('after', {}, after)]),
        ),
      ),
    )
    all.push(...resultsOf(device, queryId))
    const fin = answer.getChild('fin', mam)
    assert.ok(fin, answer.toString())
    if (fin.attrs['complete'] === 'true') return all
  }
  return assert.fail('an archive without an end')
}

function field(name: string, value: string) {
  return xml('field', { var: name }, xml('value', {}, value))
}

/** The results of one query, which come before its answer (XEP-0313 §4.2). */
function resultsOf(device: Device, queryId: string): readonly Archived[] {
  return device.unread().flatMap((stanza) => {
    const result = stanza.getChild('result', mam)
    if (result?.attrs['queryid'] !== queryId) return []
    const body = result.getChild('forwarded')?.getChild('message')?.getChildText('body')
    return [{ id: result.attrs['id'] ?? '', body: body ?? '' }]
  })
}
