import { fdatasync } from 'node:fs'
import { promisify } from 'node:util'

/** Resolves when all that was written to a file is on the disk, its length too; a thread of the system waits for it. */
export const syncFile: (fd: number) => Promise<void> = promisify(fdatasync)
