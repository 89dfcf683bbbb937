import { join } from 'node:path'

/** The repository's root. */
export const repositoryDirectory: string = join(import.meta.dirname, '../../../..')

/** Where what was fetched or made once is kept between runs; safe to delete. */
export const cacheDirectory: string = join(repositoryDirectory, '.cache')
