/** What a storage adapter tells its process: material for logs and metrics. */
export type StorageEvent =
  | { readonly what: 'storage.up' }
  | { readonly what: 'storage.down'; readonly reason: string }
  | { readonly what: 'storage.migrated'; readonly from: number; readonly to: number }
  | { readonly what: 'storage.workerEnded'; readonly exitCode: number }
  | { readonly what: 'storage.partitionMade'; readonly name: string }
  | { readonly what: 'storage.partitionDropped'; readonly name: string }
