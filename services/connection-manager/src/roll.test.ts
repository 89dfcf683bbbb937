import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryPresence } from '@starling/adapters/memory'
import type { PodLife, Presence } from '@starling/core'
import { type BareJid, bareJid } from '@starling/jid'
import fc from 'fast-check'
import { limits } from './limits.ts'
import { Roll, readEntry, writeEntry } from './roll.ts'

const life = { slot: 3, epoch: 17 }
const romeo = 'romeo@montague.example' as BareJid
const target = (connection: number, epoch = 17) => ({ slot: 3, epoch, connection })

/** A presence that answers when told, and notes what it is asked. */
function heldPresence() {
  const real = memoryPresence({ clock: () => 0 })
  const calls: string[] = []
  const held: ((refuse: boolean) => void)[] = []
  const hold =
    (what: 'enlist' | 'delist') =>
    (of: PodLife, entries: readonly string[]): Promise<void> => {
      calls.push(`${what} ${of.epoch}: ${entries.join(', ')}`)
      return new Promise((resolve, reject) => {
        held.push((refuse) => (refuse ? reject(new Error('away')) : resolve(real[what](of, entries))))
      })
    }
  const state = { isUp: true, connections: 1 }
  const presence: Pick<Presence, 'enlist' | 'delist' | 'endRoll' | 'isUp' | 'connections'> = {
    isUp: () => state.isUp,
    connections: () => state.connections,
    enlist: hold('enlist'),
    delist: hold('delist'),
    endRoll: real.endRoll,
  }
  const answer = async (refuse = false): Promise<void> => {
    for (const give of held.splice(0)) give(refuse)
    await new Promise(setImmediate)
  }
  return { state, presence, calls, answer, read: () => real.readRoll(life, 1_000) }
}

describe('the roll of a pod', () => {
  it('one write at a time: what comes meanwhile rides in the next, each life apart', async () => {
    const { presence, calls, answer, read } = heldPresence()
    const roll = new Roll({ presence, onLost: () => {} })
    const first = roll.enlist(target(1), romeo)
    const later = [2, 3].map((connection) => roll.enlist(target(connection), romeo))
    roll.delist(target(1), romeo)
    const other = roll.enlist(target(4, 18), romeo)
    assert.deepEqual(calls, [`enlist 17: 1 ${romeo}`])
    assert.equal(roll.count, 5)
    await answer()
    await first
    assert.deepEqual(calls.splice(1), [`enlist 17: 2 ${romeo}, 3 ${romeo}`, `delist 17: 1 ${romeo}`])
    await answer()
    await Promise.all(later)
    assert.deepEqual(calls.splice(1), [`enlist 18: 4 ${romeo}`])
    await answer()
    await other
    assert.equal(roll.count, 0)
    assert.deepEqual(await read(), [`2 ${romeo}`, `3 ${romeo}`])
  })

  it('presence away: an enlistment is refused, a delisting tried again', async () => {
    const { state, presence, calls, answer, read } = heldPresence()
    const roll = new Roll({ presence, onLost: () => {} })
    const first = roll.enlist(target(1), romeo)
    await answer()
    await first
    const refused = assert.rejects(roll.enlist(target(2), romeo), /away/)
    roll.delist(target(1), romeo)
    await answer(true)
    await refused
    await answer(true)
    assert.equal(roll.count, 1)
    assert.deepEqual(await read(), [`1 ${romeo}`])
    state.isUp = false
    const asked = calls.length
    roll.retry()
    assert.deepEqual([calls.length, roll.count], [asked, 1])
    state.isUp = true
    roll.retry()
    await answer()
    assert.equal(roll.count, 0)
    assert.deepEqual(await read(), [])
  })

  it('R8: above waitingRollChanges an enlistment is refused, a delisting forgotten and counted', async () => {
    const { presence } = heldPresence()
    let lost = 0
    const roll = new Roll({ presence, onLost: () => lost++ })
    for (let i = 0; i < limits.waitingRollChanges; i++) roll.delist(target(i), romeo)
    await assert.rejects(roll.enlist(target(1), romeo))
    roll.renew(target(1), romeo)
    roll.delist(target(1), romeo)
    assert.deepEqual([lost, roll.count], [1, limits.waitingRollChanges])
  })

  it('no write is larger than rollBatch', async () => {
    const { presence, calls, answer } = heldPresence()
    const roll = new Roll({ presence, onLost: () => {} })
    for (let i = 0; i < limits.rollBatch * 2; i++) roll.delist(target(i), romeo)
    while (roll.count > 0) await answer()
    const sizes = calls.map((call) => call.split(',').length)
    assert.deepEqual(sizes, [1, limits.rollBatch, limits.rollBatch - 1])
  })

  it('property: a line comes back as the session it was written for, whatever the account is called', () => {
    const unit = fc.constantFrom('a', '1', '{', '}', '%', '*', '\\', 'ß', '日')
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.string({ unit, minLength: 1, maxLength: 6 }), (connection, localpart) => {
        const account = bareJid(localpart, 'montague.example')
        assert.deepEqual(readEntry(writeEntry({ connection }, account)), { connection, account })
      }),
    )
  })

  it('lines of another making are none', () => {
    for (const line of [
      '',
      ' ',
      '7',
      '7 ',
      ` ${romeo}`,
      `x ${romeo}`,
      `-1 ${romeo}`,
      `7 ${romeo}/balcony`,
      '7  ',
      `7.5 ${romeo}`,
    ]) {
      assert.equal(readEntry(line), undefined, JSON.stringify(line))
    }
  })

  it('R11: says once that presence may have lost what it was told, after each time it was connected anew; again when renewing failed', async () => {
    const { presence, state, answer } = heldPresence()
    const roll = new Roll({ presence, onLost: () => {} })
    assert.equal(roll.mayHaveLost(), false)
    state.connections = 2
    state.isUp = false
    assert.equal(roll.mayHaveLost(), false)
    state.isUp = true
    assert.deepEqual([roll.mayHaveLost(), roll.mayHaveLost()], [true, false])
    roll.renew(target(1), romeo)
    await answer(true)
    assert.deepEqual([roll.mayHaveLost(), roll.mayHaveLost()], [true, false])
    roll.renew(target(1), romeo)
    await answer()
    assert.equal(roll.mayHaveLost(), false)
  })
})
