import { statSync } from 'node:fs'
import type { Later } from './pod.ts'

/** What watching needs. */
export interface CertificateWatch {
  /** Certificates and keys; there may be others as domains come. */
  readonly files: () => readonly string[]
  readonly later: Later
  /** Loads them anew. Errors: throws when they cannot be read or do not fit together. */
  readonly reload: () => void
  /** Told once of each state of the files that cannot be used. */
  readonly onFault: (error: unknown) => void
}

/** Between two looks at the files. Units: ms. */
export const lookMs = 10_000

/**
 * Reloads the certificate when its files have changed: by looking, since a mounted Secret changes by a link far above them. Files that do
 * not fit together (one is written, the other not yet) leave what is loaded as it is, and are tried again at every look. Returns what
 * ends it.
 */
export function watchCertificate({ files, later, reload, onFault }: CertificateWatch): () => void {
  let loaded = stampOf(files())
  let faulty = ''
  let isOver = false
  let cancel = (): void => {}
  const look = (): void => {
    if (isOver) return
    const stamp = stampOf(files())
    if (stamp !== loaded) {
      try {
        reload()
        loaded = stamp
      } catch (error) {
        if (stamp !== faulty) onFault(error)
        faulty = stamp
      }
    }
    cancel = later(lookMs, look)
  }
  cancel = later(lookMs, look)
  return () => {
    isOver = true
    cancel()
  }
}

/** What tells one state of the files from another. */
function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return stat === undefined ? 'gone' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`
    })
    .join(', ')
}
