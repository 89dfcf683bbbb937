/** One step of the schema, in both dialects; applied once, in order, and never edited after a release. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly postgres: readonly string[]
  readonly sqlite: readonly string[]
}

/** Where PostgreSQL's monthly partitions of the archive begin: 2000-01. Units: ms. */
export const firstMonthMs: number = Date.UTC(2000, 0)
/** Where they end: 2100-01. Units: ms. */
export const endOfMonthsMs: number = Date.UTC(2100, 0)

/**
 * The schema. Same tables and columns in both dialects; ids and JIDs compare bytewise.
 * An account has a number, which stands for its JID wherever rows are many: index entries stay small (and under PostgreSQL's
 * 2,704 bytes whatever a JID's length), and a new account of an old name cannot see what the old one left behind.
 * SQLite: no WITHOUT ROWID for the archive, it costs three times as much to fill.
 */
export const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'accounts, rosters, documents, offline stanzas, archive',
    postgres: [
      `CREATE TABLE accounts (
        no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        jid text COLLATE "C" NOT NULL UNIQUE,
        credentials text NOT NULL)`,
      `CREATE TABLE rosters (account bigint PRIMARY KEY, version text NOT NULL)`,
      `CREATE TABLE roster_items (
        account bigint NOT NULL, jid text COLLATE "C" NOT NULL, name text NOT NULL, group_names text NOT NULL,
        subscription text NOT NULL, ask boolean NOT NULL, approved boolean NOT NULL, is_listed boolean NOT NULL,
        request bytea, PRIMARY KEY (account, jid))`,
      `CREATE TABLE documents (
        owner text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
        name text, body bytea NOT NULL, PRIMARY KEY (owner, kind, key))`,
      `CREATE TABLE offline (
        account bigint NOT NULL, id text COLLATE "C" NOT NULL, at_ms bigint NOT NULL, raw bytea NOT NULL,
        PRIMARY KEY (account, id))`,
      `CREATE TABLE archive (
        account bigint NOT NULL, at_ms bigint NOT NULL, id text COLLATE "C" NOT NULL, peer text COLLATE "C" NOT NULL,
        peer_resource text COLLATE "C", raw bytea NOT NULL) PARTITION BY RANGE (at_ms)`,
      // at_ms stands in both indexes, so that a time range is checked without reading the rows it leaves out
      `CREATE UNIQUE INDEX archive_by_id ON archive (account, id, at_ms)`,
      `CREATE INDEX archive_by_peer ON archive (account, peer, id, at_ms)`,
      // months are added as they come; what lies before 2000 and from 2100 on needs no month of its own
      `CREATE TABLE archive_past PARTITION OF archive FOR VALUES FROM (MINVALUE) TO (${firstMonthMs})`,
      `CREATE TABLE archive_future PARTITION OF archive FOR VALUES FROM (${endOfMonthsMs}) TO (MAXVALUE)`,
      `CREATE TABLE archive_parts (name text PRIMARY KEY, start_ms bigint NOT NULL UNIQUE, end_ms bigint NOT NULL)`,
    ],
    sqlite: [
      `CREATE TABLE accounts (no INTEGER PRIMARY KEY AUTOINCREMENT, jid TEXT NOT NULL UNIQUE, credentials TEXT NOT NULL)`,
      `CREATE TABLE rosters (account INTEGER PRIMARY KEY, version TEXT NOT NULL)`,
      `CREATE TABLE roster_items (
        account INTEGER NOT NULL, jid TEXT NOT NULL, name TEXT NOT NULL, group_names TEXT NOT NULL,
        subscription TEXT NOT NULL, ask INTEGER NOT NULL, approved INTEGER NOT NULL, is_listed INTEGER NOT NULL,
        request BLOB, PRIMARY KEY (account, jid)) WITHOUT ROWID`,
      `CREATE TABLE documents (
        owner TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, name TEXT, body BLOB NOT NULL)`,
      `CREATE UNIQUE INDEX documents_by_key ON documents (owner, kind, key)`,
      `CREATE TABLE offline (account INTEGER NOT NULL, id TEXT NOT NULL, at_ms INTEGER NOT NULL, raw BLOB NOT NULL)`,
      `CREATE UNIQUE INDEX offline_by_id ON offline (account, id)`,
      `CREATE TABLE archive (
        account INTEGER NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, peer TEXT NOT NULL,
        peer_resource TEXT, raw BLOB NOT NULL)`,
      `CREATE UNIQUE INDEX archive_by_id ON archive (account, id, at_ms)`,
      `CREATE INDEX archive_by_peer ON archive (account, peer, id, at_ms)`,
      // what retention walks; there are no partitions to drop
      `CREATE INDEX archive_by_time ON archive (at_ms)`,
    ],
  },
]

/** The step a database must have reached to be used by this code. */
export const schemaVersion: number = migrations.length

/** Says what is wrong with a database that a newer Starling has changed. */
export function tooNew(found: number): string {
  return `the database has schema ${found}, this version of Starling knows up to ${schemaVersion}: start a newer Starling, or restore a backup`
}
