import type { ArchiveQuery, ArchiveRow, QueryArgs, QueryName } from '@starling/core'
import type { BareJid } from '@starling/jid'
import { type FilledDatabase, newestAtMs, richEvery } from './filled-postgres.ts'

/** A named query of a sign-in or a message, and how its arguments are made. */
export interface GrowthQuery<N extends QueryName = QueryName> {
  readonly label: string
  readonly name: N
  /** Arguments about an account chosen by chance. */
  readonly args: (database: FilledDatabase, pick: (below: number) => number) => QueryArgs<N>
}

/** Any account, and one of those with roster and archive. */
const any = ({ accounts, jid }: FilledDatabase, pick: (below: number) => number): BareJid => jid(pick(accounts))
const rich = ({ accounts, jid }: FilledDatabase, pick: (below: number) => number): BareJid =>
  jid(pick(accounts / richEvery) * richEvery)

/** What storage is asked for when a client signs in, and when a message comes, is read again, or finds nobody. */
export function growthQueries(): readonly GrowthQuery[] {
  // Archive ids rise, whoever's they are
  let next = 9 * 10 ** 15
  const raw = new Uint8Array(500).fill(120)
  const newestPage = (owner: BareJid): ArchiveQuery => ({ owner, direction: 'last', limit: 20 })
  const row = (owner: BareJid, peer: BareJid): ArchiveRow => ({ owner, id: `${++next}`, atMs: newestAtMs, peer, raw })
  return [
    { label: 'sign-in: credentials', name: 'account.get', args: (of, pick) => ({ jid: any(of, pick) }) },
    {
      label: 'sign-in: account and roster of 20',
      name: 'account.load',
      args: (of, pick) => ({ owner: rich(of, pick), kind: 'slice' }),
    },
    {
      label: 'sign-in: no offline messages',
      name: 'offline.page',
      args: (of, pick) => ({ owner: rich(of, pick), afterId: '', limit: 100 }),
    },
    {
      label: 'message: settings',
      name: 'document.list',
      args: (of, pick) => ({ owner: rich(of, pick), kind: 'slice' }),
    },
    { label: 'message: archived', name: 'archive.add', args: (of, pick) => row(any(of, pick), any(of, pick)) },
    {
      label: 'message: offline',
      name: 'offline.add',
      args: (of, pick) => ({ owner: any(of, pick), id: `${++next}`, atMs: newestAtMs, raw, maxStanzas: 100_000 }),
    },
    {
      label: 'newest page, 20 messages',
      name: 'archive.page',
      args: (of, pick) => newestPage(rich(of, pick)),
    },
  ]
}
