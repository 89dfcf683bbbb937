import type {
  ArchiveContext,
  Context,
  Module,
  RoutingContext,
  SessionContext,
  SessionView,
  StorageContext,
  StreamContext,
  Support,
} from '@starling/core'
import { type BareJid, type FullJid, resourcepartOf } from '@starling/jid'
import type { Json } from '@starling/wire'

/** The account most tests are about. */
export const juliet = 'juliet@capulet.example' as BareJid
/** Somebody elsewhere. */
export const romeo = 'romeo@montague.example' as BareJid
/** Units: ms; the time of every test: 2026-11-23T10:00:00Z. */
export const testNowMs = Date.UTC(2026, 10, 23, 10)
/** Id of the message under test in the archive. */
export const testArchiveId = '1000000000000001'

const support: Support = {
  serverFeatures: ['http://jabber.org/protocol/disco#info', 'urn:xmpp:ping'],
  accountFeatures: ['urn:xmpp:mam:2'],
  identities: [{ category: 'server', type: 'im', name: 'Starling' }],
  software: { name: 'Starling', version: '0.1.0' },
}

type Options = Readonly<Record<string, number | boolean | string>>

/** Reads a module's options: those given, else their defaults. */
function optionsOf(module: Module, given: Options): Context['option'] {
  return (_id, name) => {
    const declared = module.options?.[name]
    if (declared === undefined) throw new Error(`no option ${name}`)
    return given[name] ?? declared.default
  }
}

function common(module: Module, given: Options): Context {
  let made = 0
  return {
    domain: 'capulet.example' as BareJid,
    account: juliet,
    nowMs: testNowMs,
    id: () => `id${++made}`,
    option: optionsOf(module, given),
    accountSlice: module.accountSlice ?? null,
    support,
  }
}

/** A session of an account, available with priority 0 unless said otherwise. */
export function session(jid: string, over: Partial<SessionView> = {}): SessionView {
  const full = jid as FullJid
  return {
    resource: resourcepartOf(full),
    jid: full,
    isAvailable: true,
    isInterested: true,
    priority: 0,
    slice: null,
    ...over,
  }
}

/** The context of a handler in the session stage. */
export function sessionContext(
  module: Module,
  over: Partial<SessionContext> = {},
  given: Options = {},
): SessionContext {
  return { ...common(module, given), sessions: [], own: undefined, ...over }
}

/** The context of a handler in routing. */
export function routingContext(
  module: Module,
  over: Partial<RoutingContext> = {},
  given: Options = {},
): RoutingContext {
  return {
    ...common(module, given),
    sessions: [],
    chosen: [],
    archiveId: testArchiveId,
    slice: (): Json => null,
    ...over,
  }
}

/** The context of a handler in storage. */
export function storageContext(
  module: Module,
  over: Partial<StorageContext> = {},
  given: Options = {},
): StorageContext {
  return {
    ...common(module, given),
    archiveId: testArchiveId,
    isAvailable: false,
    slice: (): Json => null,
    random: (bytes) => new Uint8Array(bytes).fill(7),
    ...over,
  }
}

/** The context of the decision to archive. */
export function archiveContext(module: Module, over: Partial<ArchiveContext> = {}): ArchiveContext {
  return { ...storageContext(module), isSentCopy: false, ...over }
}

/** The context of a request on a stream. */
export function streamContext(module: Module, over: Partial<StreamContext> = {}, given: Options = {}): StreamContext {
  return {
    domain: 'capulet.example' as BareJid,
    isSecure: true,
    remoteAddress: '192.0.2.1',
    nowMs: testNowMs,
    option: optionsOf(module, given),
    random: (bytes) => new Uint8Array(bytes).fill(7),
    ...over,
  }
}
