import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { dashboards } from '../docs/dashboards.ts'
import { declaredMetrics, looksAt, readAlerts } from '../docs/metrics-page.ts'
import { root, run } from '../run.ts'
import { promtool } from './programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-rules-'))
after(() => rmSync(folder, { recursive: true }))

interface Group {
  readonly name: string
  readonly rules: readonly Readonly<Record<string, unknown>>[]
}

const { spec } = parse(readFileSync(join(root, 'k8s/monitoring/rules.yaml'), 'utf8')) as {
  readonly spec: { readonly groups: readonly Group[] }
}
const tests = join(root, 'k8s/monitoring/tests/alerts.yaml')

async function ask(args: readonly string[]): Promise<void> {
  const { code, output } = await run(await promtool(), args, { show: false, timeoutMs: 120_000 })
  assert.equal(code, 0, output)
}

/** Every expression of every dashboard, with values for what Grafana fills in. */
const expressions = Object.values(dashboards).flatMap(({ rows }) =>
  rows.flatMap(({ panels }) => panels.flatMap(({ lines }) => lines.map(({ expr }) => expr))),
)

describe('alerts', () => {
  it('promtool reads the rules, their texts included', async () => {
    const file = join(folder, 'full.yaml')
    writeFileSync(file, stringify({ groups: spec.groups }))
    await ask(['check', 'rules', file])
  })

  it('each fires when it should and stays silent when it should (promtool test rules)', async () => {
    // Texts hold the values of the moment: which alerts fire is what is tested
    const groups = spec.groups.map(({ name, rules }) => ({
      name,
      rules: rules.map(({ annotations: _, ...rule }) => rule),
    }))
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }))
    copyFileSync(tests, join(folder, 'alerts.yaml'))
    await ask(['test', 'rules', join(folder, 'alerts.yaml')])
  })

  it('each has such a test, both ways, and a chapter of docs/operations.md', () => {
    const tested = readFileSync(tests, 'utf8')
    const chapters = readFileSync(join(root, 'docs/operations.md'), 'utf8')
    for (const { alert } of readAlerts()) {
      assert.ok(tested.includes(`name: ${alert} fires\n`), alert)
      assert.ok(tested.includes(`name: ${alert} stays silent\n`), alert)
      assert.match(chapters, new RegExp(`^#+ ${alert}$`, 'm'))
    }
    const chaptered = [...chapters.matchAll(/^#+ (Starling[A-Z]\w+)$/gm)].map(([, alert]) => alert)
    assert.deepEqual(
      chaptered.sort(),
      readAlerts()
        .map(({ alert }) => alert)
        .sort(),
      'no chapter of an alert that is gone',
    )
  })
})

describe('dashboards', () => {
  it('promtool parses every expression', async () => {
    const rules = expressions.map((expr, index) => ({
      record: `dashboard:expression:${index}`,
      expr: expr.replaceAll('$namespace', 'starling').replaceAll('$__rate_interval', '5m'),
    }))
    assert.ok(rules.length > 30)
    const file = join(folder, 'expressions.yaml')
    writeFileSync(file, stringify({ groups: [{ name: 'dashboards', rules }] }))
    await ask(['check', 'rules', '--lint=none', file])
  })

  it('these and the alerts look at no metric of ours that no service has', async () => {
    const names = (await declaredMetrics()).map(({ name }) => name)
    for (const expr of [...expressions, ...readAlerts().map((alert) => alert.expr)]) {
      for (const [name] of expr.matchAll(/\bstarling_[a-z0-9_]+\b/g)) {
        if (expr.includes(`__name__=~"${name}`)) continue
        assert.ok(
          names.some((known) => looksAt(name, known)),
          `${name} of ${expr}`,
        )
      }
      for (const [, pattern] of expr.matchAll(/__name__=~"([^"]*)"/g)) {
        assert.ok(
          names.some((known) => new RegExp(`^(?:${pattern})$`).test(known)),
          pattern,
        )
      }
    }
  })
})
