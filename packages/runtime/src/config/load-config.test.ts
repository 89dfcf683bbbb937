import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { modules } from '@starling/modules'
import { defaultSettings } from '../default-settings.ts'
import { loadConfig } from './load-config.ts'
import type { Environment } from './read-environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'starling-config-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

function load(yaml: string, environment: Environment = {}) {
  const file = write('settings.yaml', yaml)
  const config = loadConfig({ ...environment, STARLING_CONFIG: file }, modules)
  return config.ok ? config : { ok: false as const, error: config.error.map((fault) => fault.replaceAll(file, 'FILE')) }
}

function settings(yaml: string, environment: Environment = {}) {
  const config = load(yaml, environment)
  assert.ok(config.ok, `refused: ${config.ok || config.error.join('\n')}`)
  return config.value
}

function faults(yaml: string, environment: Environment = {}): readonly string[] {
  const config = load(yaml, environment)
  return config.ok ? [] : config.error
}

describe('configuration', () => {
  it('without file and variables every setting has its default', () => {
    const config = loadConfig({}, [])
    assert.ok(config.ok)
    const { modules: _own, ...rest } = config.value
    const { modules: _none, ...defaults } = defaultSettings
    assert.deepEqual(rest, defaults)
  })

  it('the environment wins over the file, the file over the default', () => {
    const yaml = 'domain: a.example\nc2s:\n  requireTls: false\n  streamsPerAddress: 7\n'
    const read = settings(yaml, { STARLING_C2S_STREAMS_PER_ADDRESS: '0', STARLING_PORT_OFFSET: '100' })
    assert.equal(read.domain, 'a.example')
    assert.equal(read.c2s.requireTls, false)
    assert.equal(read.c2s.streamsPerAddress, 0)
    assert.equal(read.portOffset, 100)
    assert.equal(read.c2s.stanzasPerSecond, defaultSettings.c2s.stanzasPerSecond)
  })

  it('options of modules stand under modules and need no prefix in the environment', () => {
    const read = settings('modules: { privateXml: { maxElements: 3 } }', { STARLING_VCARD_MAX_BYTES: '2000' })
    assert.equal(read.modules['privateXml']?.['maxElements'], 3)
    assert.equal(read.modules['vcard']?.['maxBytes'], 2000)
  })

  it('registration.inBand and scram.iterations decide what the registration module does', () => {
    const read = settings('registration: { inBand: true }\nscram: { iterations: 20000 }')
    assert.equal(read.modules['registration']?.['inBand'], true)
    assert.equal(read.modules['registration']?.['scramIterations'], 20_000)
    assert.equal(settings('').modules['registration']?.['inBand'], false)
    const twice = 'FILE:1:28: modules.registration.inBand is decided by registration.inBand: set that'
    assert.deepEqual(faults('modules: { registration: { inBand: true } }'), [twice])
  })

  it('all faults come at once, each with its line and column or its variable', () => {
    const yaml = [
      'domain: "a b"',
      'c2s:',
      '  requireTls: maybe',
      '  streamsPerAdress: 5',
      '  bytesPerSecond: -1',
      'colour: red',
      'modules:',
      '  vcard:',
      '    maxBytes: many',
      'ports: 5222',
    ].join('\n')
    const found = faults(yaml, {
      STARLING_PORT_OFFSET: 'x',
      STARLING_DOMIAN: 'b.example',
      STARLING_LOG_CLIENT: 'rdkafka',
    })
    assert.equal(found.length, 10, found.join('\n'))
    const starts = [
      'FILE:1:9: domain must be a domain, such as example.org, not "a b"',
      'FILE:3:15: c2s.requireTls must be true or false, not "maybe"',
      'FILE:4:3: there is no setting c2s.streamsPerAdress: c2s.streamsPerAddress is meant?',
      'FILE:5:19: c2s.bytesPerSecond must be a whole number, 0 or more (bytes/s); 0 means no limit, not -1',
      'FILE:6:1: there is no setting colour',
      'FILE:9:15: modules.vcard.maxBytes must be a whole number',
      'FILE:10:8: ports must be a section of settings',
      'STARLING_DOMIAN: there is no such variable: STARLING_DOMAIN is meant?',
      'STARLING_LOG_CLIENT must be one of kafkajs, platformatic, not "rdkafka"',
      'STARLING_PORT_OFFSET must be a whole number, 0 to 60000, not "x"',
    ]
    starts.forEach((start, index) => {
      assert.ok(found[index]?.startsWith(start), `${found[index]} should begin with ${start}`)
    })
  })

  it('broken YAML, a key given twice and a file that is not there are faults with their place', () => {
    assert.match(faults('c2s: {requireTls: true')[0] ?? '', /^FILE:\d+:\d+: /)
    assert.match(faults('domain: a.example\ndomain: b.example')[0] ?? '', /^FILE:2:1: .*unique/)
    const config = loadConfig({ STARLING_CONFIG: join(folder, 'none.yaml') }, [])
    assert.ok(!config.ok)
    assert.match(config.error[0] ?? '', /^STARLING_CONFIG: the file .*none\.yaml cannot be read$/)
  })

  it('secrets come from files as well, and no fault shows them', () => {
    const file = write('token', 'a-token-of-sixteen-letters\n')
    assert.equal(settings(`admin: { tokenFile: ${file} }`).admin.token, 'a-token-of-sixteen-letters')
    assert.equal(settings('', { STARLING_ADMIN_TOKEN_FILE: file }).admin.token, 'a-token-of-sixteen-letters')
    for (const found of [
      faults('admin: { token: hunter2 }'),
      faults('', { STARLING_ADMIN_TOKEN: 'hunter2' }),
      faults('redisUrl: http://hunter2'),
      faults('', { STARLING_DATABASE_URL: 'mysql://u:hunter2@h/d' }),
    ]) {
      assert.equal(found.length, 1)
      assert.doesNotMatch(found[0] ?? '', /hunter2/)
    }
    assert.match(faults('', { STARLING_ADMIN_TOKEN_FILE: '/nowhere' })[0] ?? '', /must name a file that can be read/)
    assert.match(
      faults('', { STARLING_ADMIN_TOKEN_FILE: file, STARLING_ADMIN_TOKEN: 'a-token-of-sixteen-letters' })[0] ?? '',
      /the same is set by STARLING_ADMIN_TOKEN/,
    )
  })

  it('what cannot work together is refused: brokers without Redis, half a certificate, ports above 65535', () => {
    const kafka = 'log: { brokers: [k1:9092, k2:9092] }'
    assert.match(faults(kafka)[0] ?? '', /^redisUrl \(STARLING_REDIS_URL\) is missing/)
    assert.match(faults('redisUrl: redis://r:6379')[0] ?? '', /^log\.brokers \(STARLING_LOG_BROKERS\) is missing/)
    assert.match(faults(`${kafka}\nredisUrl: redis://r:6379\ndatabaseUrl: sqlite:x`)[0] ?? '', /^databaseUrl/)
    assert.match(faults('tls: { keyFile: key.pem }')[0] ?? '', /together or not at all/)
    assert.match(faults('portOffset: 60000\nports: { http: 9000 }')[0] ?? '', /^portOffset.*ports\.http would be above/)
    const url = { STARLING_LOG_BROKERS: 'k1:9092, k2:9092', STARLING_REDIS_URL: 'redis://r:6379' }
    assert.deepEqual(settings('', url).log.brokers, ['k1:9092', 'k2:9092'])
  })

  it('how Kafka and Redis are reached has to be whole: TLS with its files, a password with its user, never in the clear', () => {
    const kafka = { STARLING_LOG_BROKERS: 'k1:9093', STARLING_REDIS_URL: 'redis://r:6379' }
    const of = (more: Readonly<Record<string, string>>): string => faults('', { ...kafka, ...more }).join('\n')
    assert.match(of({ STARLING_LOG_CA_FILE: '/ca.crt' }), /^log\.tls \(STARLING_LOG_TLS\) must be true/)
    assert.match(of({ STARLING_LOG_TLS: 'true', STARLING_LOG_KEY_FILE: '/a.key' }), /^log\.certificateFile.*together/)
    assert.match(of({ STARLING_LOG_SASL: 'SCRAM-SHA-512' }), /^log\.user .*log\.password .*are missing/)
    assert.match(of({ STARLING_LOG_USER: 'starling' }), /^log\.sasl .*is missing/)
    const who = { STARLING_LOG_USER: 'starling', STARLING_LOG_PASSWORD: 'hunter2' }
    assert.match(of({ ...who, STARLING_LOG_SASL: 'PLAIN' }), /^log\.tls .*must be true with PLAIN/)
    assert.doesNotMatch(of({ ...who, STARLING_LOG_SASL: 'PLAIN' }), /hunter2/)
    assert.match(of({ STARLING_REDIS_TLS_CA_FILE: '/ca.crt' }), /^redisUrl .*must be rediss:/)
    const file = write('password', 'hunter2\n')
    const sasl = { STARLING_LOG_SASL: 'SCRAM-SHA-512', STARLING_LOG_TLS: 'true', STARLING_LOG_USER: 'starling' }
    assert.equal(settings('', { ...kafka, ...sasl, STARLING_LOG_PASSWORD_FILE: file }).log.password, 'hunter2')
  })

  it('a ratio is a number from 0 to 1', () => {
    assert.equal(settings('tracing: { sampleRatio: 0.25 }').tracing.sampleRatio, 0.25)
    assert.equal(settings('', { STARLING_TRACING_SAMPLE_RATIO: '0.5' }).tracing.sampleRatio, 0.5)
    for (const wrong of ['1.1', '-0.1', 'half', '1e-3']) {
      assert.equal(faults('', { STARLING_TRACING_SAMPLE_RATIO: wrong }).length, 1, wrong)
    }
  })

  it('RFC 6120 §13.12: a stanza limit below 10000 bytes is refused', () => {
    assert.equal(faults('c2s: { maxStanzaBytes: 9999 }').length, 1)
    assert.equal(settings('c2s: { maxStanzaBytes: 10000 }').c2s.maxStanzaBytes, 10_000)
    assert.equal(settings('c2s: { maxStanzaBytes: 0 }').c2s.maxStanzaBytes, 0)
  })

  it('what tests tell each other is no setting, and an empty variable is none', () => {
    assert.ok(loadConfig({ STARLING_TEST_KAFKA: 'x:1', STARLING_PORT_OFFSET: '' }, []).ok)
  })
})
