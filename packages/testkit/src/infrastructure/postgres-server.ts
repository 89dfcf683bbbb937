import { access, chmod, chown, copyFile, mkdir, mkdtemp, readFile, realpath, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { command } from './command.ts'
import { type Server, startServer } from './server-process.ts'
import { requireProgram } from './system-packages.ts'

/** How a PostgreSQL for tests is started. */
export interface PostgresOptions {
  readonly name: string
  readonly directory: string
  readonly port: number
  readonly detached: boolean
  /** Speaks TLS to who wants it. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string } | undefined
}

interface Ids {
  readonly uid: number
  readonly gid: number
}

/** Starts PostgreSQL on loopback with database and superuser `starling`, no password; url: `postgres://starling@127.0.0.1:PORT/starling`. */
export async function startPostgres(options: PostgresOptions): Promise<Server> {
  const { name, port, detached } = options
  const initdb = await requireProgram('postgres')
  const programs = dirname(initdb)
  const ids = process.getuid?.() === 0 ? await unprivilegedIds() : undefined
  const directory = await home(options.directory, ids)
  const data = join(directory, 'data')
  const isNew = await access(join(data, 'PG_VERSION')).then(
    () => false,
    () => true,
  )
  const run = { cwd: directory, ...ids }
  if (isNew)
    await command(initdb, ['-D', data, '-U', 'starling', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'], run)
  const network = ['-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
  const settings = ['-c', 'fsync=on', '-c', 'max_connections=200', '-c', 'log_line_prefix=%m ']
  if (options.tls !== undefined) settings.push(...(await tlsSettings(options.tls, directory, ids)))
  const server = await startServer({
    name,
    port,
    url: `postgres://starling@127.0.0.1:${port}/starling`,
    log: join(directory, 'server.log'),
    program: join(programs, 'postgres'),
    args: ['-D', data, ...network, ...settings],
    cwd: directory,
    ...ids,
    readyText: 'database system is ready to accept connections',
    // "Fast" shutdown: does not wait for clients to leave.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 15_000,
    startTimeoutMs: 30_000,
    detached,
  })
  if (isNew) {
    const to = ['-h', '127.0.0.1', '-p', String(port), '-U', 'starling']
    await command(join(programs, 'createdb'), [...to, 'starling'])
  }
  return server
}

/** PostgreSQL takes a key that is its own user's alone. */
async function tlsSettings(
  { certificateFile, keyFile }: NonNullable<PostgresOptions['tls']>,
  directory: string,
  ids: Ids | undefined,
): Promise<readonly string[]> {
  const copies = { ssl_cert_file: certificateFile, ssl_key_file: keyFile }
  const settings = ['-c', 'ssl=on']
  for (const [name, file] of Object.entries(copies)) {
    const copy = join(directory, name)
    await copyFile(file, copy)
    await chmod(copy, 0o600)
    if (ids !== undefined) await chown(copy, ids.uid, ids.gid)
    settings.push('-c', `${name}=${copy}`)
  }
  return settings
}

/**
 * The folder to keep the data in: the one named, or, where another user cannot get to it (a checkout below /root, a private
 * temporary folder), one of its own that the name then links to.
 */
async function home(named: string, ids: Ids | undefined): Promise<string> {
  if (ids === undefined) {
    await mkdir(named, { recursive: true })
    return named
  }
  await mkdir(dirname(named), { recursive: true })
  const isThere = await access(named).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    if (await isOpen(dirname(dirname(named)))) {
      await mkdir(named)
      await chmod(dirname(named), 0o711)
    } else await symlink(await mkdtemp(join(tmpdir(), 'starling-postgres-')), named)
  }
  const directory = await realpath(named)
  await chown(directory, ids.uid, ids.gid)
  return directory
}

/** Whether everybody may pass through a folder and all above it. */
async function isOpen(folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0) return false
  return folder === dirname(folder) || isOpen(dirname(folder))
}

/** PostgreSQL refuses to run as root: its own user if the system has it, else nobody. */
async function unprivilegedIds(): Promise<Ids> {
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user === undefined) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}
