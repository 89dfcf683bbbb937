import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ArchiveRow, Effect } from '@starling/core'
import type { Element } from '@starling/xml'
import fc from 'fast-check'
import { archiveOf, idOf, rowOf } from '../testing/archive-store.ts'
import { archiveContext, juliet, romeo, sessionContext, storageContext } from '../testing/contexts.ts'
import { askSession, askStorage, type Ended } from '../testing/drive.ts'
import { sameHeader, sameXml, stanzaOfText } from '../testing/markup.ts'
import { archive } from './archive.ts'

const mam = 'urn:xmpp:mam:2'
const rsm = (inner: string) => `<set xmlns='http://jabber.org/protocol/rsm'>${inner}</set>`
const field = (name: string, ...values: string[]) =>
  `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`
const form = (...fields: string[]) =>
  `<x xmlns='jabber:x:data' type='submit'>${field('FORM_TYPE', mam)}${fields.join('')}</x>`
const ten: readonly ArchiveRow[] = Array.from({ length: 10 }, (_, n) => rowOf(n))
const ask = (inner: string, rows = ten, given = {}, attributes = '') =>
  askStorage(archive, `set self {${mam}}query`, {
    request: `<iq type='set' id='q' from='${juliet}/chamber'><query xmlns='${mam}'${attributes}>${inner}</query></iq>`,
    context: storageContext(archive, {}, given),
    answers: archiveOf(rows),
  })

const sent = (effects: readonly Effect[]) => effects.flatMap((effect) => (effect.do === 'send' ? [effect.stanza] : []))
const idsIn = (ended: Ended) =>
  sent(ended.effects).map((stanza) => /<result[^>]* id='([^']*)'/.exec(Buffer.from(stanza.raw).toString())?.[1])
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => idOf(from + n))
function fin(ended: Ended): { complete: string | undefined; first: string | null; last: string | null } {
  const { payload } = ended
  assert.ok(payload !== undefined, ended.error?.condition)
  const set = payload.getChild('set', 'http://jabber.org/protocol/rsm')
  return {
    complete: payload.attrs['complete'],
    first: set?.getChildText('first') ?? null,
    last: set?.getChildText('last') ?? null,
  }
}

describe('XEP-0313 Message Archive Management', () => {
  it('§4 examples 3–5: messages in order to the resource that asked, then <fin/>', async () => {
    const ended = await ask('', ten.slice(0, 2), {}, " queryid='f&amp;27'")
    assert.deepEqual(idsIn(ended), numbers(0, 1))
    assert.equal(ended.asked.length, 1, 'one question of storage')
    const [first] = sent(ended.effects)
    sameXml(
      first,
      `<message from='${juliet}' to='${juliet}/chamber'><result xmlns='${mam}' queryid='f&amp;27' id='${idOf(0)}'>
         <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-23T10:00:00.000Z'/>
           <message xmlns='jabber:client' from='${romeo}/orchard' to='${juliet}' type='chat'><body>number 0</body></message>
         </forwarded></result></message>`,
    )
    if (first !== undefined) sameHeader(first)
    sameXml(
      ended.payload,
      `<fin xmlns='${mam}' complete='true' stable='true'>${rsm(`<first>${idOf(0)}</first><last>${idOf(1)}</last>`)}</fin>`,
    )
  })

  it('XEP-0059 §2.2: an empty archive has neither first nor last', async () => {
    sameXml((await ask('', [])).payload, `<fin xmlns='${mam}' complete='true' stable='true'>${rsm('')}</fin>`)
  })

  it('§4.3.1: a page has no more than asked, than the default where nothing is asked, than the limit ever', async () => {
    const limits = { pageDefault: 3, pageMax: 5 }
    assert.deepEqual(idsIn(await ask(rsm('<max>2</max>'), ten, limits)), numbers(0, 1))
    assert.deepEqual(idsIn(await ask('', ten, limits)), numbers(0, 2))
    assert.deepEqual(idsIn(await ask(rsm('<max>100</max>'), ten, limits)), numbers(0, 4))
  })

  it('§4.3.2: complete on the last page alone', async () => {
    assert.equal(fin(await ask(rsm('<max>9</max>'))).complete, undefined)
    assert.equal(fin(await ask(rsm('<max>10</max>'))).complete, 'true')
  })

  it('§4.3.2: the page after, and the page before, a message', async () => {
    assert.deepEqual(idsIn(await ask(rsm(`<max>2</max><after>${idOf(3)}</after>`))), numbers(4, 5))
    assert.deepEqual(idsIn(await ask(rsm(`<max>2</max><before>${idOf(3)}</before>`))), numbers(1, 2))
  })

  it('§4.3.3: an empty <before/> asks for the last page, still oldest first', async () => {
    assert.deepEqual(idsIn(await ask(rsm('<max>2</max><before/>'))), numbers(8, 9))
  })

  it('§4.3.4: a flipped page is the same page, newest first', async () => {
    const ended = await ask(`${rsm('<max>2</max><before/>')}<flip-page/>`)
    assert.deepEqual(idsIn(ended), numbers(8, 9).reverse())
    assert.deepEqual(fin(ended), { complete: undefined, first: idOf(8), last: idOf(9) })
  })

  it('XEP-0059 §2.7: max 0 asks for no messages', async () => {
    const some = await ask(rsm('<max>0</max>'))
    assert.deepEqual([idsIn(some), fin(some)], [[], { complete: undefined, first: null, last: null }])
    assert.equal(fin(await ask(rsm('<max>0</max>'), ten.slice(0, 1))).complete, undefined)
    assert.equal(fin(await ask(rsm('<max>0</max>'), [])).complete, 'true')
  })

  it('§4.1.3: before-id, after-id and ids; the narrower of form and page counts', async () => {
    assert.deepEqual(idsIn(await ask(form(field('after-id', idOf(6))))), numbers(7, 9))
    assert.deepEqual(idsIn(await ask(form(field('before-id', idOf(2))))), numbers(0, 1))
    assert.deepEqual(idsIn(await ask(form(field('ids', idOf(8), idOf(3), idOf(3))))), [idOf(3), idOf(8)])
    const both = form(field('after-id', idOf(2)), field('before-id', idOf(8)))
    assert.deepEqual(idsIn(await ask(both)), numbers(3, 7))
    assert.deepEqual(idsIn(await ask(both + rsm(`<after>${idOf(4)}</after>`))), numbers(5, 7))
    assert.deepEqual(idsIn(await ask(both + rsm(`<after>${idOf(0)}</after>`))), numbers(3, 7))
    assert.deepEqual(idsIn(await ask(both + rsm(`<before>${idOf(5)}</before>`))), numbers(3, 4))
  })

  it('§4.1.3, §4.3.2: item-not-found for any id the archive does not hold, or never could', async () => {
    const both = form(field('after-id', idOf(77)), field('before-id', idOf(8)))
    for (const inner of [
      form(field('after-id', idOf(77))),
      form(field('before-id', 'nonsense')),
      form(field('ids', idOf(1), idOf(77))),
      rsm(`<after>${idOf(77)}</after>`),
      rsm("<before>x' OR 1=1</before>"),
      both + rsm(`<after>${idOf(4)}</after>`),
      form(field('before-id', idOf(77))) + rsm(`<before>${idOf(5)}</before>`),
      form(field('after-id', idOf(1))) + rsm(`<after>${idOf(77)}</after>`),
    ]) {
      const ended = await ask(inner)
      assert.equal(ended.error?.condition, 'item-not-found', inner)
      assert.deepEqual(ended.effects, [])
    }
  })

  it('limit: more ids at once than a page may hold are refused', async () => {
    const ended = await ask(form(field('ids', ...numbers(0, 5))), ten, { pageMax: 5 })
    assert.equal(ended.error?.condition, 'policy-violation')
  })

  it("§8.1: others' archives are forbidden", () => {
    for (const key of [
      `get account {${mam}}query`,
      `set account {${mam}}query`,
      `get account {${mam}}metadata`,
    ] as const) {
      const request = `<iq type='get' id='1' to='${juliet}'><query xmlns='${mam}'/></iq>`
      const answer = askSession(archive, key, request, sessionContext(archive))
      assert.equal(!answer.ok && answer.error.condition, 'forbidden')
    }
  })

  const askMetadata = async (rows: readonly ArchiveRow[]): Promise<Element | undefined> =>
    (
      await askStorage(archive, `get self {${mam}}metadata`, {
        request: `<iq type='get' id='1'><metadata xmlns='${mam}'/></iq>`,
        context: storageContext(archive),
        answers: archiveOf(rows),
      })
    ).payload

  it('§5: first and last message of the archive, nothing of an empty one', async () => {
    sameXml(
      await askMetadata(ten),
      `<metadata xmlns='${mam}'><start id='${idOf(0)}' timestamp='2026-11-23T10:00:00.000Z'/>
         <end id='${idOf(9)}' timestamp='2026-11-23T10:09:00.000Z'/></metadata>`,
    )
    sameXml(await askMetadata([]), `<metadata xmlns='${mam}'/>`)
  })

  it('§4.1.5: the fields a query may have', () => {
    const request = `<iq type='get' id='form1'><query xmlns='${mam}'/></iq>`
    const answer = askSession(archive, `get self {${mam}}query`, request, sessionContext(archive))
    assert.ok(answer.ok)
    sameXml(
      answer.payload,
      `<query xmlns='${mam}'><x xmlns='jabber:x:data' type='form'>
         <field type='hidden' var='FORM_TYPE'><value>${mam}</value></field>
         <field type='jid-single' var='with'/><field type='text-single' var='start'/><field type='text-single' var='end'/>
         <field type='text-single' var='before-id'/><field type='text-single' var='after-id'/>
         <field type='list-multi' var='ids'>
           <validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate></field>
         <field type='boolean' var='include-groupchat'/></x></query>`,
    )
  })

  it('§6.1.1: what is kept', () => {
    const guard = (type: string, isSentCopy: boolean) =>
      archive.on?.['archive.store']?.guard?.(
        stanzaOfText(`<message from='${romeo}' to='${juliet}' type='${type}'><body>hi</body></message>`),
        archiveContext(archive, { isSentCopy }),
      ).verdict
    assert.deepEqual([guard('chat', false), guard('groupchat', false), guard('chat', true)], ['pass', 'stop', 'stop'])
  })

  it('§4.3.2: pages of any size, walked either way, hold every message once and in order', async () => {
    const walk = async (rows: readonly ArchiveRow[], max: number, isBack: boolean): Promise<string[]> => {
      const seen: string[] = []
      let mark = isBack ? '<before/>' : ''
      for (let pages = 0; pages <= rows.length; pages++) {
        const ended = await ask(rsm(`<max>${max}</max>${mark}`), rows)
        const ids = idsIn(ended) as string[]
        if (isBack) seen.unshift(...ids)
        else seen.push(...ids)
        const { complete, first, last } = fin(ended)
        if (complete === 'true') return seen
        mark = isBack ? `<before>${first}</before>` : `<after>${last}</after>`
      }
      throw new Error('the last page never came')
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.integer({ min: 1, max: 5 }), fc.boolean(), async (count, max, isBack) => {
        const rows = Array.from({ length: count }, (_, n) => rowOf(n))
        assert.deepEqual(
          await walk(rows, max, isBack),
          rows.map((row) => row.id),
        )
      }),
      { numRuns: 60 },
    )
  })
})
