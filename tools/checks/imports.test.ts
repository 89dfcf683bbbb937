import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../run.ts'
import { checkImports } from './imports.ts'

/** A small tree with the project's folders; `files` are added to it. */
function tree(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'starling-imports-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  for (const name of ['jid', 'xml', 'stanza', 'wire', 'core', 'modules', 'adapters', 'runtime', 'testkit']) {
    write(`packages/${name}/src/${name}.ts`, `export const ${name} = 1\n`)
    cpSync(join(root, `packages/${name}/package.json`), join(directory, `packages/${name}/package.json`))
    mkdirSync(join(directory, 'node_modules/@starling'), { recursive: true })
    symlinkSync(`../../packages/${name}`, join(directory, 'node_modules/@starling', name))
  }
  for (const name of ['kafkajs', 'ioredis', 'ws']) {
    write(`node_modules/${name}/package.json`, `{"name":"${name}","main":"index.js"}`)
    write(`node_modules/${name}/index.js`, 'exports.x = 1')
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  return directory
}

const names = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  (await checkImports(tree(files))).violations.map((line) => line.split(':')[0] ?? '')

const sound = {
  'packages/core/src/other.ts': "import { core } from './core.ts'\nexport const other = core\n",
  'packages/core/src/uses.ts': "import { jid } from '@starling/jid'\nexport const a = jid\n",
  'packages/core/src/uses.test.ts': "import { testkit } from '@starling/testkit'\nexport const a = testkit\n",
  'packages/modules/src/modules.ts': "import { ping } from './ping.ts'\nexport const all = [ping]\n",
  'packages/modules/src/ping.ts': "import { core } from '@starling/core'\nexport const ping = core\n",
  'packages/modules/src/archive/archive.ts': "import { page } from './page.ts'\nexport const archive = page\n",
  'packages/modules/src/archive/page.ts': 'export const page = 1\n',
  'packages/modules/src/shared/answers.ts': 'export const answers = 1\n',
  'packages/modules/src/time.ts': "import { answers } from './shared/answers.ts'\nexport const time = answers\n",
  'packages/wire/src/types.ts': "import { user } from './user.ts'\nexport type T = 1\nexport const t = user\n",
  'packages/wire/src/user.ts': "import type { T } from './types.ts'\nexport const user: T = 1\n",
  'packages/adapters/src/kafka/kafka.ts': "import { x } from 'kafkajs'\nexport const kafka = x\n",
  'services/session/src/stage.ts': "import { runtime } from '@starling/runtime'\nexport const session = runtime\n",
  'services/all-in-one/src/main.ts': "import { session } from '../../session/src/stage.ts'\nexport const a = session\n",
}

describe('imports (DESIGN §4)', () => {
  it('lets a sound tree pass, and sees every file of it', async () => {
    assert.deepEqual(await names(sound), [])
  })

  const planted: readonly (readonly [string, string, string])[] = [
    [
      'layer-jid',
      'packages/jid/src/bad.ts',
      "import type { core } from '@starling/core'\nexport type A = typeof core\n",
    ],
    ['layer-core', 'packages/core/src/bad.ts', "export { runtime } from '@starling/runtime'\n"],
    ['services-are-islands', 'services/routing/src/bad.ts', "export { session } from '../../session/src/stage.ts'\n"],
    [
      'stage-without-adapter',
      'services/routing/src/bad.ts',
      "export { adapters } from '../../../packages/adapters/src/adapters.ts'\n",
    ],
    ['production-without-testkit', 'services/routing/src/bad.ts', "export { testkit } from '@starling/testkit'\n"],
    ['modules-never-import-modules', 'packages/modules/src/bad.ts', "export { ping } from './ping.ts'\n"],
    ['modules-never-import-modules', 'packages/modules/src/archive/bad.ts', "export { ping } from '../ping.ts'\n"],
    ['modules-never-import-modules', 'packages/modules/src/shared/bad.ts', "export { ping } from '../ping.ts'\n"],
    ['no-cycles', 'packages/core/src/core.ts', "import { other } from './other.ts'\nexport const core = other\n"],
    [
      'stage-knows-no-module',
      'services/routing/src/bad.ts',
      "export { ping } from '../../../packages/modules/src/ping.ts'\n",
    ],
    ['one-importer-kafkajs', 'packages/runtime/src/bad.ts', "import { x } from 'kafkajs'\nexport const y = x\n"],
    [
      'one-importer-ioredis',
      'packages/adapters/src/kafka/bad.ts',
      "import type { x } from 'ioredis'\nexport type Y = typeof x\n",
    ],
    ['one-importer-ws', 'services/gateway/src/bad.ts', "const ws = await import('ws')\nexport const y = ws\n"],
    ['resolvable', 'packages/wire/src/bad.ts', "import { x } from './nowhere.ts'\nexport const y = x\n"],
  ]
  for (const [rule, path, text] of planted) {
    it(`refuses ${path} by ${rule}`, async () => {
      const found = await names({ ...sound, [path]: text })
      assert.deepEqual([...new Set(found)], [rule])
    })
  }
})
