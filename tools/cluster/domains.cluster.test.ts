import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, type Device, type Reach, walkArchive } from '@starling/testkit'
import { type FaultBed, makeFaultBed, until } from './testing/fault-bed.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Away from a developer's own cluster and from other tests'. */
const portOffset = 9_500
const password = 'wherefore art thou'
/** The order that docs/operations.md tells: who delivers knows a domain before who lets its clients in. */
const order = ['storage', 'routing', 'session', 'gateway', 'connection-manager'] as const

describe('a domain that comes to a running cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-vhosts-'))
  const config = join(folder, 'starling.yaml')
  const write = (...domains: readonly string[]): void => writeFileSync(config, `domains: [${domains.join(', ')}]\n`)
  let bed: FaultBed
  const devices: Device[] = []
  const device = async (domain: string, username: string, at: number): Promise<Device> => {
    const reach: Reach = { ...(bed.reaches[at] ?? assert.fail('no such pod')), domain }
    const made = await connect(reach, { username, password })
    devices.push(made)
    await made.available()
    return made
  }
  const reload = async (service: string): Promise<void> => {
    for (const { spec } of bed.pods().filter((pod) => pod.spec.service === service)) {
      const told = (): number => bed.log(spec.name).filter(({ what }) => what === 'process.reloaded').length
      const before = told()
      await bed.signal(spec.name, 'SIGHUP')
      await until(() => told() > before, `${spec.name} has read its settings anew`)
    }
  }

  before(async () => {
    write()
    bed = await makeFaultBed(portOffset, { environment: { STARLING_CONFIG: config } })
    await bed.createAccount('juliet@localhost', password)
  })
  after(async () => {
    await Promise.allSettled(devices.map((one) => one.close()))
    await bed?.end()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is nobody’s until it is told: no accounts, no streams', async () => {
    await assert.rejects(bed.createAccount('romeo@mantua.test', password), /not of this server/)
    await assert.rejects(device('mantua.test', 'romeo', 0), /host-unknown/)
  })

  it('SIGHUP, service by service: accounts sign in at every pod, and talk to those who were here before; nobody’s stream ends', async () => {
    const juliet = await device('localhost', 'juliet', 0)
    write('mantua.test')
    for (const service of order) await reload(service)
    await bed.createAccount('romeo@mantua.test', password)
    const romeo = await device('mantua.test', 'romeo', 1)
    assert.match(romeo.jid, /^romeo@mantua\.test\//)
    await juliet.message(romeo.bare, 'banished')
    assert.deepEqual((({ body, from }) => [body, from])(await romeo.nextBody()), ['banished', juliet.jid])
    await romeo.message(juliet.bare, 'there is no world without Verona walls')
    assert.equal((await juliet.nextBody()).body, 'there is no world without Verona walls')
    for (const [one, other] of [
      [juliet, romeo],
      [romeo, juliet],
    ] as const) {
      const kept = (await walkArchive(one, other.bare, 10)).map(({ body }) => body)
      assert.deepEqual(kept, ['banished', 'there is no world without Verona walls'], `archive of ${one.bare}`)
    }
    await bed.well()
  })
})
