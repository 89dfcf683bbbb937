import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settled } from './server-cost.ts'

/** How often it looks at a server that needs these shares of a core, the last for ever. */
async function looksAt(shares: readonly number[], idle: number): Promise<number> {
  let looks = 0
  await settled(async () => shares[Math.min(looks++, shares.length - 1)] ?? 0, idle)
  return looks
}

test('a run waits for what the server put off, and no longer: what it needs with nobody on is not charged to messages', async () => {
  assert.equal(await looksAt([0.9, 0.5, 0.28, 0.2], 0.2), 3)
  assert.equal(await looksAt([0.9, 0.5, 0.28, 0.2, 0.05], 0), 5)
})

test('a server that never rests is waited for in vain, but not for ever', async () => {
  assert.equal(await looksAt([0.9], 0), 40)
})
