import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addressKey } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

describe('TokenBucket', () => {
  it('lets no more than its rate and its burst through, at any pace', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 100 }),
        (perSecond, waits) => {
          const bucket = new TokenBucket(perSecond, 0)
          let nowMs = 0
          let taken = 0
          for (const wait of waits) {
            nowMs += wait
            while (bucket.tryTake(nowMs)) taken++
          }
          assert.ok(taken <= perSecond + (nowMs * perSecond) / 1000 + 1e-6)
          assert.ok(waits.length === 0 || taken >= perSecond)
        },
      ),
    )
  })

  it('a debt is paid in its time', () => {
    const bucket = new TokenBucket(10, 0)
    assert.equal(bucket.charge(25, 0), false)
    assert.equal(bucket.isPaid(1_499), false)
    assert.equal(bucket.isPaid(1_500), true)
  })

  it('0 is no limit', () => {
    const bucket = new TokenBucket(0, 0)
    assert.ok(bucket.charge(1e9, 0) && bucket.tryTake(0) && bucket.isPaid(0))
  })
})

describe('addressKey', () => {
  it('counts IPv4 whole and IPv6 by its first 64 bits', () => {
    for (const [address, key] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
      ['2001:db8::9', '2001:db8:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ] as const) {
      assert.equal(addressKey(address), key)
    }
    assert.equal(addressKey(undefined), 'unknown')
  })
})
