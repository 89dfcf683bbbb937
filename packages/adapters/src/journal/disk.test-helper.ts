import { writeSync } from 'node:fs'
import { type Disk, realDisk } from './segments.ts'

/** A disk with room for so many bytes, which takes what fits of a write and refuses the rest; a refused file's bytes come free. */
export function smallDisk(maxBytes: number): Disk {
  let left = maxBytes
  let begun = 0
  return {
    ...realDisk,
    write: (fd, bytes) => {
      const fits = Math.min(left, bytes.length)
      if (fits === 0) {
        left += begun
        begun = 0
        throw new Error('the disk is full')
      }
      left -= fits
      begun = fits === bytes.length ? 0 : begun + fits
      return writeSync(fd, bytes.subarray(0, fits))
    },
  }
}
