import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Client } from '../client/client.ts'
import { contactsOf } from './contacts.ts'

describe('contacts of a group', () => {
  it('are mutual, different, never oneself, and as many as asked for where the group is large enough', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 0, max: 40 }), (size, contacts) => {
        const group = Array.from({ length: size }, (_, i) => i) as unknown as readonly Client[]
        const of = (place: number) => contactsOf(group, place, contacts) as unknown as readonly number[]
        for (let place = 0; place < size; place++) {
          const found = of(place)
          assert.equal(new Set(found).size, found.length)
          assert.ok(!found.includes(place))
          for (const other of found) assert.ok(of(other).includes(place))
          if (contacts % 2 === 0 && contacts < size - 1) assert.equal(found.length, contacts)
        }
      }),
    )
  })
})
