import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conversation, converse } from '../cluster/testing/conversation.ts'
import { type FaultBed, makeFaultBed } from '../cluster/testing/fault-bed.ts'
import { type RunResult, run } from '../run.ts'
import { runPostgres } from './postgres-programs.ts'

// The certificate of a test is its own: nobody signed it. In production clients check it.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'

/** Away from a developer's own cluster and from other tests'. */
const portOffset = 5_200
const password = 'what is in a name'
/** Units: ms of talk before a dump, and after it. */
const talkMs = 3_000

describe('docs/operations.md, restore: a cluster whose database is set back to its last backup', () => {
  let bed: FaultBed
  let chat: Conversation

  /** As in a pod of the gateway. */
  const rewind = (time: string): Promise<RunResult> => {
    const pod = bed.pods().find(({ spec }) => spec.service === 'gateway') ?? assert.fail('no gateway')
    const env = pod.spec.environment
    return run(process.execPath, ['tools/deploy/main.ts', 'rewind', time], { show: false, timeoutMs: 60_000, env })
  }

  before(async () => {
    bed = await makeFaultBed(portOffset)
    for (const name of ['romeo', 'juliet']) await bed.createAccount(`${name}@localhost`, password)
    chat = await converse(bed.reaches, ['romeo', 'juliet'], password)
  })
  after(async () => {
    await chat?.close()
    await bed?.end()
  })

  it('chat goes on without storage; what was written since the backup comes from the log, once and in order', async () => {
    const storage = bed.pods().find(({ spec }) => spec.service === 'storage') ?? assert.fail('no storage')
    const url = storage.spec.environment['STARLING_DATABASE_URL'] ?? assert.fail('storage has no database')
    const dump = join(bed.folder.path('infrastructure'), 'starling.dump')
    await sleep(talkMs)
    await chat.settled()
    await chat.archived()
    const dumpedAt = new Date(Date.now() - 1_000).toISOString() // a little before it
    await runPostgres('pg_dump', ['-Fc', '-f', dump, url])
    await sleep(talkMs)
    const streams = chat.talkers.map(({ stream }) => stream)
    await chat.settled()
    await chat.archived()

    await bed.signal(storage.spec.name, 'SIGTERM')
    await runPostgres('pg_restore', ['--clean', '--if-exists', '-d', url, dump])
    const { code, output } = await rewind(dumpedAt)
    assert.equal(code, 0, output)
    await chat.settled()
    await bed.start(storage.spec.name)
    await bed.well()
    await chat.settled()
    await chat.archived()
    assert.deepEqual(
      chat.talkers.map(({ stream }) => stream),
      streams,
      'no stream has ended',
    )
  })

  it('while a storage pod runs its place is not set back', async () => {
    const { code, output } = await rewind(new Date().toISOString())
    assert.equal(code, 1, output)
    assert.match(output, /starling\.storage could not be set back/)
  })
})
