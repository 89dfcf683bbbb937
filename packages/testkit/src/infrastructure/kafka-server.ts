import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.ts'
import { archivePath, hasArchive, makeArchive } from './kafka-archive.ts'
import { type KafkaArtifacts, kafkaArtifacts } from './kafka-artifacts.ts'
import { freePorts } from './ports.ts'
import { type Server, type ServerSpec, startServer } from './server-process.ts'

/** How the brokers of a test are started. */
export interface KafkaOptions {
  readonly directory: string
  readonly brokers: 1 | 3
  /** Two ports a broker: clients, then controllers. */
  readonly ports: readonly number[]
  readonly heapMb: number
  /** Further lines of server.properties; `{port}` and `{controllerPort}` stand for a broker's own. */
  readonly settings: Readonly<Record<string, string>>
  /** Users of SCRAM-SHA-512 and their passwords, known from the start. */
  readonly users: Readonly<Record<string, string>>
  readonly detached: boolean
  /** Told of each broker as it starts, so that it can be stopped when another does not. */
  readonly keep: (start: Promise<Server>) => Promise<Server>
}

const clusterId = 'starling-tests-cluster'

interface Broker {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
  readonly directory: string
}

/** Starts Apache Kafka (KRaft, each broker a controller too) on loopback; url of each: `127.0.0.1:PORT`. */
export async function startKafka(options: KafkaOptions): Promise<readonly Server[]> {
  const artifacts = await kafkaArtifacts()
  await makeArchive(artifacts, (directory, option) => runOnce(artifacts, directory, option))
  const java = await javaOptions(artifacts, options.heapMb)
  const brokers = Array.from({ length: options.brokers }, (_, index): Broker => {
    const [port, controllerPort] = options.ports.slice(index * 2)
    if (port === undefined || controllerPort === undefined) throw new Error('a broker needs two ports')
    return { id: index + 1, port, controllerPort, directory: join(options.directory, `kafka-${index + 1}`) }
  })
  const { settings, users } = options
  await Promise.all(
    brokers.map((broker) => prepare(artifacts, broker, { settings: properties(broker, brokers, settings), users })),
  )
  const starts = await Promise.allSettled(
    brokers.map((broker) => options.keep(startServer(spec(artifacts.java, java, broker, options.detached)))),
  )
  return starts.map((start) => {
    if (start.status === 'rejected') throw start.reason
    return start.value
  })
}

async function prepare(
  artifacts: KafkaArtifacts,
  broker: Broker,
  { settings, users }: { readonly settings: string; readonly users: KafkaOptions['users'] },
): Promise<void> {
  await mkdir(broker.directory, { recursive: true })
  const file = join(broker.directory, 'server.properties')
  await writeFile(file, settings)
  const isFormatted = await access(join(broker.directory, 'data/meta.properties')).then(
    () => true,
    () => false,
  )
  if (isFormatted) return
  const scram = Object.entries(users).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ])
  const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file, ...scram]
  await command(artifacts.java, [...(await javaOptions(artifacts, 128)), ...tool])
}

async function javaOptions(artifacts: KafkaArtifacts, heapMb: number): Promise<readonly string[]> {
  const log = `-Dlog4j2.configurationFile=${artifacts.directory}/log4j2.xml`
  // A Java that did not write the archive ignores it.
  const archive = (await hasArchive(artifacts))
    ? [`-XX:SharedArchiveFile=${archivePath(artifacts)}`, '-Xlog:cds=off']
    : []
  // Its second compiler takes half of a broker's time in its first minutes, which is all that tests and measurements see of it
  const compiler = '-XX:TieredStopAtLevel=1'
  // Without memory it loses a thread, and lives on deaf: better that it ends, and says why
  const memory = [`-Xmx${heapMb}m`, `-Xms${Math.min(heapMb, 128)}m`, '-XX:+ExitOnOutOfMemoryError', '-XX:+UseSerialGC']
  return [...memory, compiler, ...archive, log, '-cp', artifacts.classPath]
}

/** Starts a broker with one more JVM option, and stops it. */
async function runOnce(artifacts: KafkaArtifacts, directory: string, option: string): Promise<void> {
  const [port = 0, controllerPort = 0] = await freePorts(2)
  const broker: Broker = { id: 1, port, controllerPort, directory }
  await prepare(artifacts, broker, { settings: properties(broker, [broker], {}), users: {} })
  const java = [option, ...(await javaOptions(artifacts, 384))]
  const server = await startServer({ ...spec(artifacts.java, java, broker, false), stopTimeoutMs: 180_000 })
  await server.stop()
}

function spec(program: string, java: readonly string[], broker: Broker, detached: boolean): ServerSpec {
  return {
    name: `kafka-${broker.id}`,
    port: broker.port,
    url: `127.0.0.1:${broker.port}`,
    log: join(broker.directory, 'server.log'),
    program,
    args: [...java, 'kafka.Kafka', join(broker.directory, 'server.properties')],
    cwd: broker.directory,
    readyText: 'Kafka Server started',
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    startTimeoutMs: 180_000,
    detached,
  }
}

function properties(broker: Broker, brokers: readonly Broker[], settings: Readonly<Record<string, string>>): string {
  const copies = String(brokers.length)
  const minimum = brokers.length === 1 ? '1' : '2'
  const all: Readonly<Record<string, string>> = {
    'process.roles': 'broker,controller',
    'node.id': String(broker.id),
    'controller.quorum.voters': brokers.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${broker.port},CONTROLLER://127.0.0.1:${broker.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${broker.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(broker.directory, 'data'),
    'num.network.threads': '2',
    'num.io.threads': '2',
    'default.replication.factor': copies,
    'min.insync.replicas': minimum,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': minimum,
    'transaction.state.log.num.partitions': '8',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': minimum,
    'share.coordinator.state.topic.num.partitions': '8',
    // A killed broker may come back once its old session has run out: 9 s by default.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'auto.create.topics.enable': 'false',
    'log.segment.bytes': String(64 << 20),
    // 128 MiB by default, taken from the heap at the start
    'log.cleaner.dedupe.buffer.size': String(16 << 20),
    ...settings,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value.replaceAll('{port}', String(broker.port))}\n`)
    .map((line) => line.replaceAll('{controllerPort}', String(broker.controllerPort)))
    .join('')
}
