import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { root, run } from '../run.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const dockerfile = read('Dockerfile')
const entrypoint = read('tools/image/entrypoint.sh')
const services = readdirSync(join(root, 'services')).filter((name) =>
  existsSync(join(root, 'services', name, 'src/main.ts')),
)

describe('the image', () => {
  it('is built with any engine: no syntax line, and the Node.js that tests run on', () => {
    assert.doesNotMatch(dockerfile, /^#\s*syntax\s*=/im)
    const { devDependencies } = JSON.parse(read('package.json'))
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    assert.deepEqual([...new Set(bases)], [`node:${devDependencies.node}-bookworm-slim`])
  })

  it('runs as nobody in particular, on jemalloc, and says how it is', () => {
    assert.match(dockerfile, /^USER 1000:1000$/m)
    assert.match(dockerfile, /LD_PRELOAD=\/usr\/local\/lib\/libjemalloc\.so\.2/)
    assert.match(dockerfile, /^HEALTHCHECK /m)
    assert.match(dockerfile, /npm ci --omit=dev/)
  })

  it('gives Node.js what `npm start` gives it', () => {
    const [, given = ''] = /const options = \[('--.*?)(?:, \.\.\.|\])/.exec(read('tools/bootstrap.mjs')) ?? []
    const options = [...given.matchAll(/'([^']+)'/g)].map(([, option]) => option)
    assert.ok(options.length > 1)
    assert.match(dockerfile, new RegExp(`NODE_OPTIONS="${options.join(' ')}"`))
  })

  it('takes every service as its argument, and no other', async () => {
    const [, list = ''] = /^ {2}([a-z][a-z |-]*)\)\n {4}exec node "services/m.exec(entrypoint) ?? []
    assert.deepEqual(list.split(' | ').sort(), services.sort())
    const { code } = await run('sh', ['tools/image/entrypoint.sh', 'nonsense'], { show: false, timeoutMs: 10_000 })
    assert.equal(code, 2)
  })

  it('installs from the lock file without the development tools, as npm ci wants the two to agree', () => {
    const lock = JSON.parse(read('package-lock.json')).packages
    const { dependencies = {} } = JSON.parse(read('package.json'))
    assert.deepEqual(lock[''].dependencies ?? {}, dependencies)
    for (const folder of Object.keys(lock).filter((path) => /^(packages|services)\/[^/]+$/.test(path))) {
      assert.deepEqual(
        lock[folder].dependencies ?? {},
        JSON.parse(read(`${folder}/package.json`)).dependencies ?? {},
        folder,
      )
    }
  })
})

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes?: Readonly<Record<string, unknown>>
}
interface ComposeService {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly read_only?: boolean
  readonly restart?: string
  readonly stop_grace_period?: string
  readonly environment?: Readonly<Record<string, unknown>>
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly volumes?: readonly string[]
  readonly ulimits?: unknown
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose
const containers = Object.entries(compose.services)
const ours = containers.filter(([name]) => !['kafka', 'redis', 'postgres'].includes(name))
const isOnce = ([, { restart }]: readonly [string, ComposeService]): boolean => restart === undefined

describe('docker-compose.yml', () => {
  it('both files have the shape of the Compose Specification', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
    const isCompose = ajv.compile(JSON.parse(read('k8s/schemas/compose-spec.json')))
    for (const file of ['docker-compose.yml', 'docker-compose.production.yml']) {
      const content = parse(read(file), { merge: true, logLevel: 'silent' }) as Compose
      assert.ok(isCompose(content), `${file}: ${ajv.errorsText(isCompose.errors)}`)
      assert.ok(!isCompose({ services: { one: { imagee: 'x' } } }), 'a field that is none is a fault')
    }
  })

  it('has every service of a cluster, and two connection-managers', () => {
    const commands = ours.map(([, { command = [] }]) => command[0])
    const wanted = [...services.filter((name) => name !== 'all-in-one'), 'connection-manager', 'topics', 'tables']
    assert.deepEqual(commands.sort(), wanted.sort())
    for (const name of ['kafka', 'redis', 'postgres'])
      assert.match(compose.services[name]?.image ?? '', /^[^:]+:\d+\.\d+/)
  })

  it('`up --wait` can end well: what keeps running has a health check, and each step that ends is waited for by somebody', () => {
    for (const [name, { healthcheck }] of containers.filter((each) => !isOnce(each))) {
      assert.ok((healthcheck?.test?.length ?? 0) > 1, name)
    }
    for (const [name] of containers.filter(isOnce)) {
      const waits = containers.some(
        ([, { depends_on }]) => depends_on?.[name]?.condition === 'service_completed_successfully',
      )
      assert.ok(waits, name)
    }
    for (const [name, { depends_on = {} }] of containers) {
      for (const needed of Object.keys(depends_on)) assert.ok(compose.services[needed], `${name} needs ${needed}`)
    }
  })

  it('our containers write to nothing but their volume', () => {
    for (const [name, { read_only }] of ours) assert.ok(read_only, name)
  })

  it('limits of open files stand in the production override alone', () => {
    assert.ok(containers.every(([, { ulimits }]) => ulimits === undefined))
    assert.match(read('docker-compose.production.yml'), /nofile: \{ soft: 1000000/)
  })

  it('is built once, and everything of ours is that image', () => {
    assert.equal(containers.filter(([, { build }]) => build !== undefined).length, 1)
    for (const [name, { image = '' }] of ours) assert.match(image, /^\$\{STARLING_IMAGE:-starling\}$/, name)
  })

  it('health checks are cheap: a shell asks every few seconds, neither a Node.js nor a Java is started for it', () => {
    for (const [name, { healthcheck }] of containers) {
      const [, program = '', what = ''] = healthcheck?.test ?? []
      assert.doesNotMatch(program, /\b(node|java)\b|\/kafka-/, name)
      if (program.startsWith('tools/')) assert.match(what, /^(health|ready)$/, name)
    }
    assert.match(entrypoint, /^ {2}health \| ready\) exec tools\/image\/probe\.sh /m)
  })

  it('volumes and overridden services exist', () => {
    const named = containers.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
    assert.deepEqual([...new Set(named)].sort(), Object.keys(compose.volumes ?? {}).sort())
    const production = parse(read('docker-compose.production.yml'), { merge: true, logLevel: 'silent' }) as Compose
    for (const name of Object.keys(production.services)) assert.ok(compose.services[name], name)
  })
})
