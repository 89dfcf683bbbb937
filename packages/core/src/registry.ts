import type { Stanza, StanzaError } from '@starling/stanza'
import type { Json } from '@starling/wire'
import type { Element } from '@starling/xml'
import type { Effect } from './effect.ts'
import {
  type Handler,
  type IqHandler,
  type IqScope,
  type Module,
  type Phase,
  type Point,
  type Points,
  phases,
  type StoredIqHandler,
  type StreamIqHandler,
} from './module.ts'
import type { Support } from './support.ts'

/** What a point's run came to. */
export interface PointRun {
  /** The stanza as the handlers left it. */
  readonly stanza: Stanza
  readonly isStopped: boolean
  readonly error?: StanzaError
  /** Effects with the module each is of (slices are a module's own). */
  readonly effects: readonly { readonly module: string; readonly effect: Effect }[]
}

/** An IQ handler found, and where it runs. */
export type FoundIq =
  | { readonly at: 'session'; readonly module: string; readonly handler: IqHandler }
  | {
      readonly at: 'storage'
      readonly module: string
      readonly handler: StoredIqHandler
      readonly readsArchive: boolean
    }

/** The modules of one server, indexed for its stages. */
export interface Registry {
  readonly modules: readonly Module[]
  readonly support: Support
  readonly option: (moduleId: string, name: string) => number | boolean | string
  /** The handler of a request, by type, scope and payload (`{namespace}name`); `account` serves `self` where self has none. */
  readonly findIq: (type: string, scope: IqScope, payload: string) => FoundIq | undefined
  readonly findStreamIq: (
    type: string,
    payload: string,
  ) => { readonly module: string; readonly handler: StreamIqHandler } | undefined
  /** The module that Bind 2 switches on by this element (`{namespace}name`), and the slice its session then begins with. */
  readonly findBind2: (feature: string) => { readonly module: string; readonly slice: Json } | undefined
  /** The module whose slice of the session this request of a client sets, and to what; `payload` is `{namespace}name`. */
  readonly findSwitch: (type: string, payload: string) => { readonly module: string; readonly slice: Json } | undefined
  /** Namespaces that Bind 2 announces. Source: XEP-0386 §3. */
  readonly bind2Features: readonly string[]
  readonly streamFeatures: (stream: {
    readonly isSecure: boolean
    readonly isAuthenticated: boolean
  }) => readonly Element[]
  /** Runs the handlers of one phase at a point; contexts are made a module, since slices are its own. */
  readonly run: <P extends Point>(
    point: P,
    phase: Phase,
    stanza: Stanza,
    contextOf: (moduleId: string) => Points[P],
  ) => PointRun
  /** Runs every phase at a point, until one stops. */
  readonly runAll: <P extends Point>(point: P, stanza: Stanza, contextOf: (moduleId: string) => Points[P]) => PointRun
  /** Initial slices, by module id. */
  readonly initialSlice: (moduleId: string) => Json
  readonly initialAccountSlice: (moduleId: string) => Json
}

/** Configured options: module name, option name, value. */
export type ModuleOptions = Readonly<Record<string, Readonly<Record<string, number | boolean | string>>>>

/**
 * Indexes the modules that are on.
 * Order: within a phase, handlers run in the order of the list.
 * Errors: throws when two modules claim one IQ key: a bug in the list.
 */
export function createRegistry(
  list: readonly Module[],
  options: ModuleOptions,
  software: Support['software'],
): Registry {
  const byId = new Map(list.map((module) => [module.spec.id as string, module]))
  const option = (moduleId: string, name: string): number | boolean | string => {
    const module = byId.get(moduleId)
    const declared = module?.options?.[name]
    if (module === undefined || declared === undefined) throw new Error(`no option ${name} of ${moduleId}`)
    return options[module.name]?.[name] ?? declared.default
  }
  const modules = list.filter((module) => module.isOn?.((name) => option(module.spec.id, name)) ?? true)
  const iq = new Map<string, FoundIq>()
  const bind2 = new Map<string, { module: string; slice: Json }>()
  const switches = new Map<string, { module: string; slice: Json }>()
  const streamIq = new Map<string, { module: string; handler: StreamIqHandler }>()
  const handlers = new Map<Point, Found[]>()
  const claim = (key: string, found: FoundIq): void => {
    if (iq.has(key)) throw new Error(`two modules claim ${key}`)
    iq.set(key, found)
  }
  for (const module of modules) {
    const id = module.spec.id
    for (const [key, handler] of Object.entries(module.iq ?? {})) claim(key, { at: 'session', module: id, handler })
    for (const [key, handler] of Object.entries(module.storedIq ?? {})) {
      const readsArchive = module.readsArchive?.some((one) => one === key) ?? false
      claim(key, { at: 'storage', module: id, handler, readsArchive })
    }
    for (const [feature, slice] of Object.entries(module.bind2 ?? {})) bind2.set(feature, { module: id, slice })
    for (const [key, slice] of Object.entries(module.switches ?? {})) switches.set(key, { module: id, slice })
    for (const [key, handler] of Object.entries(module.streamIq ?? {})) streamIq.set(key, { module: id, handler })
    for (const [point, byPhase] of Object.entries(module.on ?? {})) {
      const some = handlers.get(point as Point) ?? []
      for (const [phase, handler] of Object.entries(byPhase)) {
        some.push({ phase: phase as Phase, module: id, handler: handler as Handler<Point> })
      }
      handlers.set(point as Point, some)
    }
  }
  // Walked for every stanza: one list a point, and one of each of its phases
  const byPhase = new Map<Point, Readonly<Record<Phase, readonly Found[]>>>()
  for (const [point, some] of handlers) {
    const of = (phase: Phase): readonly Found[] => some.filter((one) => one.phase === phase)
    const split = { guard: of('guard'), stamp: of('stamp'), copy: of('copy'), keep: of('keep'), trim: of('trim') }
    byPhase.set(point, split)
    handlers.set(
      point,
      phases.flatMap((phase) => split[phase]),
    )
  }
  const run: Registry['run'] = (point, phase, stanza, contextOf) =>
    runHandlers(byPhase.get(point)?.[phase] ?? none, stanza, contextOf)
  const runAll: Registry['runAll'] = (point, stanza, contextOf) =>
    runHandlers(handlers.get(point) ?? none, stanza, contextOf)
  return {
    modules,
    option,
    support: {
      serverFeatures: [...new Set(modules.flatMap((module) => module.features ?? []))].sort(),
      accountFeatures: [...new Set(modules.flatMap((module) => module.accountFeatures ?? []))].sort(),
      identities: modules.flatMap((module) => module.identities ?? []),
      software,
    },
    findIq: (type, scope, payload) =>
      iq.get(`${type} ${scope} ${payload}`) ?? (scope === 'self' ? iq.get(`${type} account ${payload}`) : undefined),
    findBind2: (feature) => bind2.get(feature),
    findSwitch: (type, payload) => switches.get(`${type} self ${payload}`),
    bind2Features: [...new Set([...bind2.keys()].map((feature) => feature.slice(1, feature.indexOf('}'))))],
    findStreamIq: (type, payload) => streamIq.get(`${type} ${payload}`),
    streamFeatures: (stream) =>
      modules.flatMap(
        (module) => module.streamFeatures?.({ ...stream, option: (name) => option(module.spec.id, name) }) ?? [],
      ),
    run,
    runAll,
    initialSlice: (moduleId) => byId.get(moduleId)?.slice ?? null,
    initialAccountSlice: (moduleId) => byId.get(moduleId)?.accountSlice ?? null,
  }
}

/** A handler, whose it is, and when it runs. */
interface Found {
  readonly phase: Phase
  readonly module: string
  readonly handler: Handler<Point>
}

const none: readonly Found[] = []
const noEffects: PointRun['effects'] = []

/** Runs handlers one after another, until one stops. */
function runHandlers<P extends Point>(
  handlers: readonly Found[],
  first: Stanza,
  contextOf: (moduleId: string) => Points[P],
): PointRun {
  let stanza = first
  let effects: { module: string; effect: Effect }[] | undefined
  for (const { module, handler } of handlers) {
    const outcome = handler(stanza, contextOf(module) as Points[Point])
    for (const effect of outcome.effects) {
      effects ??= []
      effects.push({ module, effect })
    }
    switch (outcome.verdict) {
      case 'pass':
        break
      case 'change':
        stanza = outcome.stanza
        break
      case 'stop': {
        const { error } = outcome
        const stopped = { stanza, isStopped: true, effects: effects ?? noEffects }
        return error === undefined ? stopped : { ...stopped, error }
      }
      default:
        outcome satisfies never
    }
  }
  return { stanza, isStopped: false, effects: effects ?? noEffects }
}
