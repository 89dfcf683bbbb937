import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRegistry } from '@starling/core'
import { streamManagement } from './stream-management.ts'

describe('XEP-0198 Stream Management', () => {
  it('§2: is announced in stream features, which are the connection-manager’s, and nowhere in discovery', () => {
    const { support, bind2Features } = createRegistry([streamManagement], {}, { name: 'Starling', version: '0.1.0' })
    assert.deepEqual([support.serverFeatures, support.accountFeatures, bind2Features], [[], [], []])
  })

  it('handles nothing of its own: no IQ, no point, so that no stanza costs more for it', () => {
    const { spec, name, ...more } = streamManagement
    assert.deepEqual([spec.id, name, more], ['XEP-0198', 'streamManagement', {}])
  })
})
