import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modules } from '@starling/modules'
import { defaultSettings } from '../default-settings.ts'
import { liveSettings } from './live-settings.ts'
import { optionsPage } from './options-page.ts'
import { variableOf } from './setting.ts'
import { decidedElsewhere, moduleSettings, settingsTable } from './settings-table.ts'

describe('the table of settings', () => {
  it('has a row for every setting, and none beside', () => {
    const paths = (value: object, prefix: string): readonly string[] =>
      Object.entries(value).flatMap(([name, inner]) =>
        typeof inner === 'object' && !Array.isArray(inner) ? paths(inner, `${prefix}${name}.`) : [`${prefix}${name}`],
      )
    const { modules: _own, ...rest } = defaultSettings
    assert.deepEqual(settingsTable.map(({ path }) => path).sort(), [...paths(rest, '')].sort())
  })

  it('gives every setting a variable of its own, modules included', () => {
    const variables = [...settingsTable, ...moduleSettings(modules)].map(({ path }) => variableOf(path))
    assert.deepEqual([...new Set(variables)].sort(), [...variables].sort())
    assert.equal(variableOf('c2s.requireTls'), 'STARLING_C2S_REQUIRE_TLS')
    assert.equal(variableOf('ports.c2sTls'), 'STARLING_PORTS_C2S_TLS')
    assert.equal(variableOf('modules.carbons.maxCopies'), 'STARLING_CARBONS_MAX_COPIES')
  })

  it('decides only options that modules have', () => {
    const options = modules.flatMap(({ name, options }) =>
      Object.keys(options ?? {}).map((one) => `modules.${name}.${one}`),
    )
    for (const { option, setting } of decidedElsewhere) {
      assert.ok(options.includes(option), option)
      assert.ok(
        settingsTable.some(({ path }) => path === setting),
        setting,
      )
    }
  })

  it('shows each setting once in the reference, and no secret', () => {
    const page = optionsPage(modules)
    for (const { path } of settingsTable) {
      const rows = page.split('\n').filter((row) => row.startsWith(`| \`${path}\` |`))
      assert.equal(rows.length, 1, path)
      assert.equal(rows[0]?.includes('| live |'), liveSettings.includes(path), path)
      assert.equal(rows[0]?.includes('| restart |'), !liveSettings.includes(path), path)
    }
  })
})
