// What only an engine can show. Nothing here runs unless STARLING_TEST_IMAGE names an image that was built, and docker answers:
//   docker build -t starling . && STARLING_TEST_IMAGE=starling npm test -- --only unit tools/image/containers
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kindsOf, makeParty, type Party } from '../faults/party.ts'
import { randomOf } from '../faults/random.ts'
import { isSound, lineOf } from '../faults/report.ts'
import { root } from '../run.ts'
import { docker, dockerCode, makeAccounts } from './containers.ts'

const image = process.env['STARLING_TEST_IMAGE'] ?? ''
const skip = image === '' ? 'STARLING_TEST_IMAGE names no image: no container was run' : false
const project = 'starling-image-test'
/** Units: ms that clients talk before a fault, and after it. */
const talkMs = 3_000
const password = 'wherefore art thou'
const kinds = kindsOf(4)
const names = kinds.map(({ name }) => name)
if (skip === false) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0' // certificates are self-made here

/** As strict as compose and Kubernetes: nothing to write but /tmp and /data, no capability. */
const strict = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']

/** Lets everybody talk, has the fault happen meanwhile, and reconciles. */
async function soundly(fault: string, party: Party, happen: () => Promise<unknown> = async () => {}): Promise<void> {
  await sleep(talkMs)
  await happen()
  await sleep(talkMs)
  const settled = await party.settle()
  const row = { fault, seconds: 0, settled, findings: {} }
  console.log(lineOf(row))
  assert.ok(isSound(row), [lineOf(row), settled.waitedFor, ...settled.examples].join('\n'))
  assert.ok(settled.acked > 0, 'somebody talked')
}

describe('the image in a container', { skip }, () => {
  const one = `${project}-one`
  const reaches = [{ domain: 'localhost', c2s: 25222, http: 25280 }]

  before(async () => {
    await dockerCode('rm', '-f', '-v', one)
    await dockerCode('volume', 'rm', '-f', one)
  })
  after(async () => {
    await dockerCode('rm', '-f', '-v', one)
    await dockerCode('volume', 'rm', '-f', one)
  })

  it('is not root, has jemalloc in its memory, writes nowhere but /tmp and /data, and takes no other argument', async () => {
    const program = `
      const maps = require('fs').readFileSync('/proc/self/maps', 'utf8')
      const writes = (path) => { try { require('fs').writeFileSync(path + '/x', ''); return path } catch { return '' } }
      const paths = ['/', '/starling', '/home/node', '/var/tmp', '/tmp', '/data'].filter(writes)
      console.log(JSON.stringify([process.getuid(), maps.includes('jemalloc'), paths]))`
    const said = await docker('run', '--rm', ...strict, '--entrypoint', 'node', image, '-e', program)
    assert.deepEqual(JSON.parse(said), [1000, true, ['/tmp', '/data']])
    assert.equal(await dockerCode('run', '--rm', ...strict, image, 'nonsense'), 2)
  })

  it('all-in-one: is healthy, and nothing that was acknowledged is lost when its container is killed; ends with 0', async () => {
    const ports = ['-p', '127.0.0.1:25222:5222', '-p', '127.0.0.1:25280:5280']
    await docker(
      'run',
      '-d',
      '--name',
      one,
      ...strict,
      '-v',
      `${one}:/data`,
      ...ports,
      '--health-interval',
      '2s',
      image,
    )
    await health(one)
    await makeAccounts(['exec', one], names, password)
    const party = await makeParty(kinds, { reaches, password, random: randomOf(1) })
    try {
      await soundly('nothing', party)
      await soundly('kill -9 of the only container', party, async () => {
        await docker('kill', one)
        await docker('start', one)
      })
    } finally {
      await party.close()
    }
    await docker('stop', '-t', '30', one)
    assert.equal((await docker('inspect', '--format', '{{.State.ExitCode}}', one)).trim(), '0')
    assert.match(await docker('logs', '--tail', '1', one), /"what":"process.stopped","isClean":true/)
  })
})

describe('docker-compose.yml in containers', { skip }, () => {
  const compose = ['compose', '-p', project, '-f', join(root, 'docker-compose.yml')]
  const reaches = [5222, 5232].map((c2s) => ({ domain: 'localhost', c2s, http: c2s + 58 }))
  const services = ['storage', 'routing', 'session', 'connection-manager-1', 'connection-manager-2', 'gateway']
  let party: Party | undefined

  before(async () => {
    process.env['STARLING_IMAGE'] = image
    await docker(...compose, 'up', '--no-build', '--wait')
    await makeAccounts([...compose, 'exec', '-T', 'gateway'], names, password)
    party = await makeParty(kinds, { reaches, password, random: randomOf(2) })
  })
  after(async () => {
    await party?.close()
    await docker(...compose, 'down', '-v', '-t', '20')
  })
  const everybody = (): Party => party ?? assert.fail('no clients')

  it('clients of two connection-managers chat', () => soundly('nothing', everybody()))

  it('a killed connection-manager: its clients resume at the other, nothing acknowledged is lost, twice or out of order', async () => {
    const before = everybody().members.map(({ counts }) => counts.resumed)
    await soundly('kill -9 of connection-manager-1', everybody(), () =>
      docker(...compose, 'kill', 'connection-manager-1'),
    )
    assert.ok(everybody().members.some(({ counts }, index) => counts.resumed > (before[index] ?? 0)))
    await docker(...compose, 'up', '--no-build', '--wait')
  })

  it('a killed service of each other kind comes back and lost nothing', async () => {
    for (const name of ['session', 'routing', 'storage']) {
      await soundly(`kill -9 of ${name}`, everybody(), async () => {
        await docker(...compose, 'kill', name)
        await docker(...compose, 'up', '--no-build', '--wait')
      })
    }
  })

  it('`stop`: every service hands over within its grace and ends with 0', async () => {
    await docker(...compose, 'stop', ...services)
    for (const name of services) {
      const [id = ''] = (await docker(...compose, 'ps', '-a', '-q', name)).trim().split('\n')
      assert.equal((await docker('inspect', '--format', '{{.State.ExitCode}}', id)).trim(), '0', name)
    }
  })
})

/** Waits until the image's own health check says so. */
async function health(container: string): Promise<void> {
  const patienceMs = 120_000
  const end = performance.now() + patienceMs
  for (;;) {
    const status = (await docker('inspect', '--format', '{{.State.Health.Status}}', container)).trim()
    if (status === 'healthy') return
    assert.ok(performance.now() < end, `${container} is ${status}`)
    await sleep(500)
  }
}
