import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Settings } from '@starling/core'
import { defaultSettings } from '../default-settings.ts'
import { applySettings, liveSettings } from './live-settings.ts'
import { settingsTable } from './settings-table.ts'

const fresh = (): Settings => structuredClone(defaultSettings)

describe('settings that change while a process runs', () => {
  it('limits and the log level are taken up in place; the rest is named, and waits', () => {
    const running = fresh()
    const { c2s } = running
    const next: Settings = {
      ...fresh(),
      logLevel: 'debug',
      c2s: { ...fresh().c2s, stanzasPerSecond: 7, maxResources: 3 },
      log: { ...fresh().log, brokers: ['elsewhere:9092'] },
    }
    const { changed, later } = applySettings(running, next)
    assert.deepEqual([...changed].sort(), ['c2s.stanzasPerSecond', 'logLevel'])
    assert.deepEqual([...later].sort(), ['c2s.maxResources', 'log.brokers'])
    assert.equal(running.logLevel, 'debug')
    assert.equal(c2s.stanzasPerSecond, 7, 'whoever holds the section sees it')
    assert.equal(c2s.maxResources, defaultSettings.c2s.maxResources)
    assert.deepEqual(running.log.brokers, [])
  })

  it('nothing new changes nothing, and a repetition is none', () => {
    const running = fresh()
    assert.deepEqual(applySettings(running, fresh()), { changed: [], later: [] })
    const next = { ...fresh(), logLevel: 'warn' } as const
    assert.equal(applySettings(running, next).changed.length, 1)
    assert.equal(applySettings(running, next).changed.length, 0)
  })

  it('each is a setting that exists and is no secret', () => {
    for (const path of liveSettings) {
      const setting = settingsTable.find((row) => row.path === path)
      assert.ok(setting !== undefined && setting.isSecret !== true, path)
    }
  })
})
