import type { Document, Metrics, QueryArgs, QueryName, QueryResult, Storage } from '@starling/core'

/** Units: bytes of lists of documents kept, about; what was asked for longest ago goes. */
export const maxCachedBytes = 32 * 1024 * 1024

// Units: bytes that an empty list costs, about.
const entryBytes = 150

interface Cached {
  readonly documents: readonly Document[]
  readonly bytes: number
}

/**
 * The storage with lists of documents kept in memory: for every message its owner's preferences are asked for.
 * Only for a process that has its database to itself: then nobody else changes what is kept here.
 * Order: the storage's own, where each call sees those before it: a list asked for before a change is told, but not kept.
 */
export function cachingDocuments(storage: Storage, metrics: Pick<Metrics, 'observed'>): Storage {
  const cache = new Map<string, Cached>()
  let cachedBytes = 0
  let changes = 0
  metrics.observed('starling_cached_documents_bytes', 'Bytes of lists of documents in memory', () => cachedBytes)

  const forget = (key: string): void => {
    cachedBytes -= cache.get(key)?.bytes ?? 0
    cache.delete(key)
  }
  const keep = (key: string, documents: readonly Document[]): void => {
    const bytes = documents.reduce((sum, { body }) => sum + entryBytes + body.length, entryBytes)
    if (bytes > maxCachedBytes / 16) return
    forget(key)
    cache.set(key, { documents, bytes })
    cachedBytes += bytes
    for (const oldest of cache.keys()) {
      if (cachedBytes <= maxCachedBytes) return
      forget(oldest)
    }
  }
  const list = async (asked: readonly ListArgs[]): Promise<readonly (readonly Document[])[]> => {
    const known = asked.map((one) => {
      const key = keyOf(one)
      const found = cache.get(key)
      if (found === undefined) return undefined
      cache.delete(key) // it moves to the end
      cache.set(key, found)
      return found.documents
    })
    const missing = asked.filter((_, index) => known[index] === undefined)
    if (missing.length === 0) return known.map((documents) => documents ?? [])
    const before = changes
    const read = await storage.run('document.list', missing)
    if (before === changes) for (const [index, one] of missing.entries()) keep(keyOf(one), read[index] ?? [])
    let taken = 0
    return known.map((documents) => documents ?? read[taken++] ?? [])
  }

  return {
    ...storage,
    run: async <N extends QueryName>(name: N, batch: readonly QueryArgs<N>[]): Promise<readonly QueryResult<N>[]> => {
      if (name === 'document.list') {
        return (await list(batch as readonly ListArgs[])) as readonly unknown[] as readonly QueryResult<N>[]
      }
      if (!changing.has(name)) return storage.run(name, batch)
      changes++
      for (const args of batch) {
        const owner = 'owner' in args ? args.owner : 'jid' in args ? args.jid : ''
        for (const key of cache.keys()) if (key.startsWith(`${owner} `)) forget(key)
      }
      return storage.run(name, batch)
    },
  }
}

type ListArgs = QueryArgs<'document.list'>

/** Queries that change documents. */
const changing: ReadonlySet<QueryName> = new Set([
  'document.put',
  'document.remove',
  'account.delete',
  'account.create',
])

/** No bare JID holds a space. */
function keyOf({ owner, kind }: ListArgs): string {
  return `${owner} ${kind}`
}
