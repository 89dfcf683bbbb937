import type { ServerPorts } from '../coordinator/target.ts'

/** Where a peer keeps its things, and the database it has. */
export interface PeerPlace {
  readonly folder: string
  readonly ports: ServerPorts
  readonly database: { readonly host: string; readonly port: number; readonly user: string; readonly name: string }
  /** PEM file with certificate and key. */
  readonly certificate: string
  readonly key: string
}

/** Another server to compare with, from Debian's packages. */
export interface Peer {
  readonly name: string
  readonly packages: readonly string[]
  /** What is there when it is installed. */
  readonly proof: string
  readonly ports: ServerPorts
  /** Files of its configuration. Shape: name in the folder, text. */
  readonly files: (place: PeerPlace) => Readonly<Record<string, string>>
  /** SQL that its database needs first, a file of the package; empty when it makes its tables itself. */
  readonly schemaFile: string
  readonly program: string
  readonly args: (place: PeerPlace) => readonly string[]
  readonly environment: (place: PeerPlace) => Readonly<Record<string, string>>
  /** What its log says when it serves. */
  readonly readyText: string
}

/** The domain all peers serve. */
export const peerDomain = 'localhost'
