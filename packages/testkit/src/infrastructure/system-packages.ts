import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './cache.ts'
import { command, findProgram, tryCommand } from './command.ts'
import { withLock } from './lock.ts'

/** A program that tests need from the system. */
interface Need {
  readonly what: string
  readonly debianPackage: string
  readonly find: () => Promise<string | undefined>
}

const needs = {
  redis: { what: 'redis-server', debianPackage: 'redis-server', find: () => findProgram('redis-server') },
  postgres: { what: 'PostgreSQL (initdb)', debianPackage: 'postgresql', find: findInitdb },
  java: { what: 'Java 17 or newer', debianPackage: 'default-jre-headless', find: findJava },
  maven: { what: 'Maven (mvn)', debianPackage: 'maven', find: () => findProgram('mvn') },
} as const satisfies Record<string, Need>

/**
 * The path of a program tests need; on Debian, as root, a missing one is installed with apt-get.
 * Errors: throws with the sentence that says what to install.
 */
export async function requireProgram(name: keyof typeof needs): Promise<string> {
  const need: Need = needs[name]
  const found = await need.find()
  if (found !== undefined) return found
  const sentence = `${need.what} is missing: install it (on Debian: apt-get install ${need.debianPackage})`
  if (process.getuid?.() !== 0 || (await findProgram('apt-get')) === undefined) throw new Error(sentence)
  await mkdir(cacheDirectory, { recursive: true })
  await withLock(join(cacheDirectory, 'apt.lock'), () => install(need))
  const installed = await need.find()
  if (installed === undefined) throw new Error(`${sentence}; apt-get ran, and it is still not there`)
  return installed
}

async function install(need: Need): Promise<void> {
  if ((await need.find()) !== undefined) return
  // RUNLEVEL=1 keeps the package from starting a service of its own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const args = ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '-q', '--no-install-recommends', need.debianPackage]
  process.stderr.write(`installing ${need.debianPackage} with apt-get\n`)
  await command('apt-get', ['update', '-q'], { env })
  await command('apt-get', args, { env })
}

async function findInitdb(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a))
  return findProgram(
    'initdb',
    newestFirst.map((version) => join(root, version, 'bin')),
  )
}

async function findJava(): Promise<string | undefined> {
  const java = await findProgram('java')
  if (java === undefined) return undefined
  const { output } = await tryCommand(java, ['-version'])
  return Number(/version "(\d+)/.exec(output)?.[1] ?? 0) >= 17 ? java : undefined
}
