import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultSettings } from '@starling/runtime'
import { defaultCounts, maxPods, readCluster } from './command-line.ts'
import { layOut, services } from './layout.ts'

describe('the pods of a cluster', () => {
  it('the first connection-manager has the plain ports, the next ten more each, all plus the offset', () => {
    const pods = layOut({ ...defaultSettings, portOffset: 100 }, { ...defaultCounts, 'connection-manager': 3 })
    const managers = pods.filter(({ service }) => service === 'connection-manager')
    assert.deepEqual(
      managers.map(({ name, ports }) => [name, ports]),
      [
        ['connection-manager-1', { c2s: 5322, c2sTls: 5323, http: 5380 }],
        ['connection-manager-2', { c2s: 5332, c2sTls: 5333, http: 5390 }],
        ['connection-manager-3', { c2s: 5342, c2sTls: 5343, http: 5400 }],
      ],
    )
    assert.deepEqual(managers[0]?.configured, { c2s: 5222, c2sTls: 5223, http: 5280 })
  })

  it('no two pods share a name or a port, whatever their number, and 5269 stays free for servers', () => {
    const most = Object.fromEntries(services.map((service) => [service, maxPods])) as typeof defaultCounts
    const pods = layOut(defaultSettings, most)
    const ports = pods.flatMap((pod) => Object.values(pod.ports))
    assert.equal(new Set(pods.map(({ name }) => name)).size, maxPods * services.length)
    assert.equal(new Set(ports).size, maxPods * (services.length + 2))
    assert.ok(!ports.includes(5269))
  })
})

describe('npm run cluster: its arguments', () => {
  it('up takes a number of pods a service, with space or =, and has defaults', () => {
    const read = readCluster(['up', '--connection-manager', '3', '--session=4', '--brokers', '3', '--fresh'])
    assert.deepEqual(read, {
      ok: true,
      value: { do: 'up', counts: { ...defaultCounts, 'connection-manager': 3, session: 4 }, brokers: 3, isFresh: true },
    })
    assert.deepEqual(readCluster(['up']), {
      ok: true,
      value: { do: 'up', counts: defaultCounts, brokers: 1, isFresh: false },
    })
  })

  it('what it does not know is refused with a sentence', () => {
    const wrong = [
      ['up', '--muc', '1'],
      ['up', '--session'],
      ['up', '--session', '0'],
      ['up', '--brokers', '2'],
      ['start'],
      ['start', 'a', 'b'],
      ['down', 'x'],
      ['fly'],
    ]
    for (const args of wrong) {
      const read = readCluster(args)
      assert.ok(!read.ok && read.error.length > 5, args.join(' '))
    }
  })
})
