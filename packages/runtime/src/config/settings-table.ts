import type { Module } from '@starling/core'
import { defaultSettings } from '../default-settings.ts'
import * as checks from './checks.ts'
import type { Setting, SettingKind, SettingValue } from './setting.ts'

const none = { zero: 'no limit' } as const
const bool: SettingKind = { type: 'bool' }
const text: SettingKind = { type: 'text' }
const list: SettingKind = { type: 'list' }
const port: SettingKind = { type: 'int', min: 0, max: 65_535, unit: '' }

/** Every setting of Starling itself, in the order of the docs; defaults are those of `defaultSettings`. */
export const settingsTable: readonly Setting[] = [
  row('domain', text, 'The XMPP domain that is served.', { check: checks.domain }),
  row('domains', list, 'Further domains that are served, each with accounts of its own.', { check: checks.domains }),
  row(
    'dataDir',
    text,
    'Folder of what one process keeps: SQLite, certificate, admin token. A cluster keeps only certificates there.',
  ),
  row(
    'pod',
    text,
    'Name of this process, unique among those that run; empty: made of service, machine and process id.',
  ),
  row('logLevel', { type: 'choice', choices: ['debug', 'info', 'warn', 'error'] }, 'Least level of what is logged.'),
  row('drainTimeoutMs', int('ms', 1_000, 600_000), 'Time a process takes to end gracefully, at most.'),
  row('portOffset', int('', 0, 60_000), 'Added to every port that is not 0.'),
  row('ports.c2s', port, 'TCP with STARTTLS.', { zero: 'any free port' }),
  row('ports.c2sTls', port, 'TCP with direct TLS.', { zero: 'any free port' }),
  row('ports.http', port, 'HTTP: WebSocket, host-meta, admin API, health, metrics.', { zero: 'any free port' }),
  row('listen.c2s', text, 'Address that clients reach; `::` is every address of this machine.'),
  row('listen.http', text, 'Address of HTTP.'),
  row('tls.certificateFile', text, 'PEM file of the certificate and its chain; empty: a self-signed one is made.'),
  row('tls.keyFile', text, 'PEM file of its key.'),
  row(
    'tls.directory',
    text,
    'Folder with `DOMAIN.crt` and `DOMAIN.key`, PEM, for further domains; one without gets the certificate above.',
  ),
  row('c2s.requireTls', bool, 'Whether clients must use TLS before they sign in.'),
  row('c2s.streamsPerAddress', int('streams'), 'Streams that one address may have open.', none),
  row(
    'c2s.stanzasPerSecond',
    int('stanzas/s'),
    'Stanzas a connection may send; above it, it is read more slowly.',
    none,
  ),
  row('c2s.bytesPerSecond', int('bytes/s'), 'Bytes a connection may send; above it, it is read more slowly.', none),
  row('c2s.loginsPerSecond', int('logins/s'), 'Sign-ins a process takes on; further ones wait.', none),
  row('c2s.unauthenticatedTimeoutMs', int('ms'), 'Time until a stream must have signed in.', none),
  row('c2s.maxStanzaBytes', int('bytes'), 'Largest stanza.', { ...none, check: checks.stanzaBytes }),
  row(
    'c2s.maxOutputBytes',
    int('bytes'),
    'What may wait for a client that does not read; above it, it is disconnected.',
    none,
  ),
  row(
    'c2s.maxInFlightStanzas',
    int('stanzas'),
    'Stanzas of a connection that the log has not acknowledged; above it, it is not read.',
    none,
  ),
  row('c2s.pingAfterMs', int('ms'), 'Silence after which a client is asked whether it is there.', none),
  row('c2s.pingTimeoutMs', int('ms'), 'Time it then has to answer.', none),
  row('c2s.maxResources', int('resources'), 'Resources an account may have connected.', none),
  row(
    'c2s.proxyProtocol',
    bool,
    'Whether connections to the client ports come by a proxy that begins each with a header of the PROXY protocol, version 2; what comes without one is closed.',
  ),
  row(
    'c2s.websocketUrl',
    text,
    'WebSocket address that host-meta tells clients, `wss://…` of whatever ends TLS; `{domain}` in it is the domain asked for; empty: `ws://` of the HTTP port.',
    {
      check: checks.websocketUrl,
    },
  ),
  row(
    'c2s.boshUrl',
    text,
    'BOSH address that host-meta tells clients, `https://…` of whatever ends TLS; `{domain}` as above; empty: `http://` of the HTTP port.',
    { check: checks.domainHttpUrl },
  ),
  row('sm.resumeSeconds', int('s', 0, 86_400), 'How long a session waits for its client after a broken connection.', {
    zero: 'no resumption',
  }),
  row(
    'sm.maxUnackedStanzas',
    int('stanzas', 10, 20_000),
    'Stanzas sent and not acknowledged; above it a connection ends, and a session without one takes no more messages.',
  ),
  row(
    'sm.requestAfterStanzas',
    int('stanzas', 1, 10_000),
    'Stanzas after which an acknowledgement is asked for at once.',
  ),
  row('sm.requestAfterMs', int('ms', 10, 600_000), 'Time after which one is asked for anyway.'),
  row('sm.ackTimeoutMs', int('ms', 100, 3_600_000), 'Time without an answer until a connection counts as dead.'),
  row('registration.inBand', bool, 'Whether strangers may make accounts over a stream (XEP-0077).'),
  row('registration.perAddressPerHour', int('accounts/h'), 'Accounts one address may make so.', none),
  row(
    'scram.iterations',
    int('iterations', 4_096, 10_000_000),
    'Rounds of hashing for the stored keys of new passwords (RFC 7677 §4).',
  ),
  row('log.brokers', list, 'Kafka brokers, `host:port`, separated by commas; empty: everything in one process.', {
    check: checks.brokers,
  }),
  row('log.client', { type: 'choice', choices: ['kafkajs', 'platformatic'] }, 'Library that talks to Kafka.'),
  row(
    'log.partitions',
    int('partitions', 1, 256),
    'Partitions of each inbox that the deploy step makes; never changed in place.',
  ),
  row(
    'log.gatherMs',
    int('ms', 0, 100),
    'Least time between two produce requests of a connection-manager and between two fetches of a stage (storage: twice that; a produce of a stage: a quarter); what comes meanwhile rides in the next, and the first after a quiet time waits for nothing. More costs latency and saves CPU; 0: each as soon as the last is answered.',
  ),
  row('log.slots', int('slots', 1, 10_000), 'Partitions of the pod inbox: pods with sockets that can run at once.'),
  row('log.tls', bool, 'Whether the brokers are spoken to by TLS.'),
  row(
    'log.caFile',
    text,
    'PEM file of the authorities that sign the brokers’ certificates; empty: those of the system.',
  ),
  row('log.certificateFile', text, 'PEM file of the certificate shown to brokers that ask for one (mutual TLS).'),
  row('log.keyFile', text, 'PEM file of its key.'),
  row(
    'log.sasl',
    { type: 'choice', choices: ['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] },
    'How a process signs in to the brokers; PLAIN only with `log.tls`.',
  ),
  row('log.user', text, 'Who signs in to the brokers.'),
  row('log.password', text, 'The password.', { isSecret: true }),
  row(
    'embedded.durability',
    { type: 'choice', choices: ['process', 'power', 'memory'] },
    'Without brokers: what is acknowledged survives the death of the process (`process`), or of the machine too (`power`: each commit waits for the disk); `memory` keeps log and sessions in memory only.',
  ),
  row(
    'redisUrl',
    text,
    'Redis, `redis://user:password@host:port`, or `rediss://` for TLS; needed with `log.brokers`.',
    {
      isSecret: true,
      check: checks.redisUrl,
    },
  ),
  row(
    'redisPassword',
    text,
    'The password for Redis where `redisUrl` has none (its user stands in the URL, `redis://user@host:port`; without one it is the default user).',
    { isSecret: true },
  ),
  row(
    'redisTls.caFile',
    text,
    'PEM file of the authorities that sign the certificate of a `rediss://`; empty: those of the system.',
  ),
  row('redisTls.certificateFile', text, 'PEM file of the certificate shown to Redis (mutual TLS).'),
  row('redisTls.keyFile', text, 'PEM file of its key.'),
  row(
    'databaseUrl',
    text,
    '`postgres://user:password@host:port/database` or `sqlite:FILE`; empty: SQLite in `dataDir`. TLS: with `?sslmode=verify-full&sslrootcert=FILE`, and `&sslcert=FILE&sslkey=FILE` for mutual TLS.',
    {
      isSecret: true,
      check: checks.databaseUrl,
    },
  ),
  row(
    'admin.token',
    text,
    'Token of the admin API; empty: one is made and kept in `dataDir` (several gateways need the same: set it).',
    {
      isSecret: true,
      check: checks.token,
    },
  ),
  row(
    'adminUrl',
    text,
    'Where `npm run starling` finds the admin API, `http://host:port`; empty: it looks for a server on this machine.',
    { check: checks.httpUrl },
  ),
  row('admin.allowRemote', bool, 'Whether the admin API answers others than this machine.'),
  row(
    'tracing.otlpUrl',
    text,
    'Where spans are sent, OTLP over HTTP, such as `http://host:4318/v1/traces`; empty: no tracing.',
    {
      check: checks.httpUrl,
    },
  ),
  row('tracing.sampleRatio', { type: 'ratio' }, 'Share of the stanzas of clients that are traced from end to end.'),
  row('tracing.otlpHeaders', text, 'HTTP headers that the receiver asks for, `name=value`, separated by commas.', {
    isSecret: true,
    check: checks.headers,
  }),
  row(
    'tracing.maxQueuedSpans',
    int('spans', 1, 1_000_000),
    'Spans that may wait to be sent; further ones are dropped and counted.',
  ),
  row('archive.retentionDays', int('days'), 'Age at which archived messages are dropped.', { zero: 'never' }),
  row('offline.maxStanzas', int('stanzas'), 'Offline messages kept for an account.', none),
  row(
    'states.maxBytes',
    int('bytes'),
    'States of accounts that a session or routing process keeps in memory beside Redis; the one longest unused goes.',
    none,
  ),
  row('session.maxRosters', int('rosters'), 'Rosters a session process keeps in memory.', none),
  row('session.maxRosterItems', int('contacts'), 'Contacts in a roster.', none),
  row('session.maxDirectedPresence', int('addresses'), 'Addresses a resource may send directed presence to.', none),
]

/** The options of modules as settings, `modules.<name>.<option>`; one that a setting above decides is left out. */
export function moduleSettings(modules: readonly Module[]): readonly Setting[] {
  return modules.flatMap((module) =>
    Object.entries(module.options ?? {}).flatMap(([name, option]): Setting[] => {
      const path = `modules.${module.name}.${name}`
      if (decidedElsewhere.some(({ option }) => option === path)) return []
      const kind: SettingKind =
        option.type === 'int'
          ? {
              type: 'int',
              min: option.min,
              unit: option.unit,
              ...(option.max === undefined ? {} : { max: option.max }),
            }
          : { type: option.type }
      return [{ path, kind, default: option.default, doc: option.doc }]
    }),
  )
}

/** Options of modules that a setting decides. */
export const decidedElsewhere: readonly { readonly option: string; readonly setting: string }[] = [
  { option: 'modules.registration.inBand', setting: 'registration.inBand' },
  { option: 'modules.registration.scramIterations', setting: 'scram.iterations' },
]

function int(unit: string, min = 0, max?: number): SettingKind {
  return { type: 'int', min, unit, ...(max === undefined ? {} : { max }) }
}

function row(
  path: string,
  kind: SettingKind,
  docOf: string,
  more: Pick<Setting, 'zero' | 'isSecret' | 'check'> = {},
): Setting {
  return { path, kind, default: defaultAt(path), doc: docOf, ...more }
}

function defaultAt(path: string): SettingValue {
  let at: unknown = defaultSettings
  for (const name of path.split('.')) at = (at as Readonly<Record<string, unknown>>)[name]
  if (at === undefined) throw new Error(`no default for the setting ${path}`)
  return at as SettingValue
}
