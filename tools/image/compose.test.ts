import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Settings } from '@starling/core'
import { modules } from '@starling/modules'
import { loadConfig } from '@starling/runtime'
import { Ajv } from 'ajv'
import { smallInboxes } from '../cluster/layout.ts'
import { root } from '../run.ts'
import { type ComposeFile, type ComposeService, readCompose } from './compose.ts'

const files = ['docker-compose.yml', 'docker-compose.production.yml']
const given = {
  STARLING_DOMAIN: 'example.org',
  STARLING_ADMIN_TOKEN: 'a-token-of-sixteen-characters',
  STARLING_POSTGRES_PASSWORD: 'a-password-of-ours',
  STARLING_TLS_DIRECTORY: '/etc/starling',
}
const servers = ['kafka', 'redis', 'postgres']
const connectionManagers = ['connection-manager-1', 'connection-manager-2']

function config(names: readonly string[], variables: Readonly<Record<string, string>>): ComposeFile {
  const read = readCompose(names, variables)
  assert.ok(read.ok, read.ok ? '' : read.error.join('\n'))
  return read.value
}

function settingsOf([name, { environment = {} }]: readonly [string, ComposeService]): Settings {
  const texts = Object.entries(environment).map(([variable, value]) => [variable, String(value)])
  const read = loadConfig(Object.fromEntries(texts), modules)
  assert.ok(read.ok, `${name}: ${read.ok ? '' : read.error.join('\n')}`)
  return read.value
}

const ours = ({ services }: ComposeFile): readonly (readonly [string, ComposeService])[] =>
  Object.entries(services).filter(([name]) => !servers.includes(name))

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const isCompose = ajv.compile(JSON.parse(readFileSync(join(root, 'k8s/schemas/compose-spec.json'), 'utf8')))

describe('docker-compose.yml, as Docker reads it', () => {
  const plain = config(files.slice(0, 1), {})

  it('has the shape of the Compose Specification once variables are filled in', () => {
    assert.ok(isCompose(plain), ajv.errorsText(isCompose.errors))
  })

  it('every service reads its settings, and all have the same inboxes: few, as on one machine', () => {
    for (const each of ours(plain)) {
      const [name] = each
      const settings = settingsOf(each)
      if (name === 'tables') continue // asks the database alone
      const { partitions, slots, brokers } = settings.log
      assert.deepEqual({ partitions, slots, brokers }, { ...smallInboxes, brokers: ['kafka:19092'] }, name)
    }
  })
})

describe('docker-compose.production.yml over it, as `docker compose -f … -f …` merges them', () => {
  it('says which variables are missing, each with what it is', () => {
    const read = readCompose(files, {})
    assert.deepEqual(
      (read.ok ? [] : read.error).map((fault) => fault.split(' ')[0]).sort(),
      Object.keys(given)
        .filter((name) => name !== 'STARLING_DOMAIN')
        .sort(),
    )
  })

  const production = config(files, given)
  const { services } = production

  it('has the shape of the Compose Specification', () => {
    assert.ok(isCompose(production), ajv.errorsText(isCompose.errors))
  })

  it('publishes the ports of clients, and host-meta to this machine; nothing of the inside', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => (ports.length > 0 ? [name] : []))
    assert.deepEqual(published.sort(), [...connectionManagers, 'gateway'])
    for (const port of services['gateway']?.ports ?? []) assert.match(port, /^127\.0\.0\.1:/)
  })

  it('no password of docker-compose.yml is left: the database has one for who keeps it and who asks it, the gateway its token', () => {
    assert.equal(services['postgres']?.environment?.['POSTGRES_PASSWORD'], given.STARLING_POSTGRES_PASSWORD)
    for (const name of ['tables', 'storage']) {
      const { databaseUrl } = settingsOf([name, services[name] ?? {}])
      assert.equal(new URL(databaseUrl).password, given.STARLING_POSTGRES_PASSWORD, name)
    }
    assert.equal(settingsOf(['gateway', services['gateway'] ?? {}]).admin.token, given.STARLING_ADMIN_TOKEN)
    assert.doesNotMatch(JSON.stringify(production), /starling:starling@|"POSTGRES_PASSWORD":"starling"/)
  })

  it('connection-managers show the certificate of the folder that was named, and may have a million sockets', () => {
    for (const name of connectionManagers) {
      const { tls } = settingsOf([name, services[name] ?? {}])
      const mounts = (services[name]?.volumes ?? []).map((volume) => volume.split(':'))
      for (const file of [tls.certificateFile, tls.keyFile]) {
        const mount = mounts.find(([, target = '']) => file.startsWith(`${target}/`))
        assert.deepEqual(mount, [given.STARLING_TLS_DIRECTORY, '/certificate', 'ro'], `${name}: ${file}`)
      }
      assert.equal(services[name]?.ulimits?.nofile?.soft, 1_000_000, name)
      assert.ok(
        mounts.some(([volume]) => volume === 'certificate'),
        `${name} keeps what it writes`,
      )
    }
  })

  it('every service still reads its settings, those of the domain among them', () => {
    for (const each of ours(production)) {
      const { domain } = settingsOf(each)
      if (!['topics', 'tables'].includes(each[0])) assert.equal(domain, given.STARLING_DOMAIN, each[0])
    }
  })
})
