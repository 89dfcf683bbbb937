import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './cache.ts'
import { command } from './command.ts'
import { withLock } from './lock.ts'
import { requireProgram } from './system-packages.ts'

/** What a broker is started from. */
export interface KafkaArtifacts {
  readonly java: string
  /** Kept between runs; one folder for each version of the pom. */
  readonly directory: string
  readonly classPath: string
}

const log4jSettings = `<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %-5p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
`

/** Fetches Apache Kafka and its dependencies from Maven Central, once for this pom and machine. */
export async function kafkaArtifacts(): Promise<KafkaArtifacts> {
  const java = await requireProgram('java')
  const pom = join(import.meta.dirname, 'pom.xml')
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12)
  const directory = join(cacheDirectory, 'kafka', version)
  await mkdir(directory, { recursive: true })
  await withLock(join(directory, 'fetch.lock'), () => fetchJars(pom, directory))
  return { java, directory, classPath: `${directory}/libs/*` }
}

async function fetchJars(pom: string, directory: string): Promise<void> {
  const libs = join(directory, 'libs')
  const isThere = await access(libs).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const maven = await requireProgram('maven')
  const partial = join(directory, 'libs.partial')
  await rm(partial, { recursive: true, force: true })
  process.stderr.write('fetching Apache Kafka from Maven Central (once)\n')
  await command(maven, ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`])
  await writeFile(join(directory, 'log4j2.xml'), log4jSettings)
  await rename(partial, libs)
}
