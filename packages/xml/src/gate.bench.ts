import { Buffer } from 'node:buffer'
import { Parser } from '@xmpp/xml'
import { SaxesParser } from 'saxes'
import { benchHeader, benchStanzas } from './bench-corpus.ts'
import { parseElement } from './element.ts'
import type { GateEvent } from './events.ts'
import { createGate, type Gate } from './gate.ts'
import { authenticatedLimits } from './limits.ts'
import { createNameTable } from './name-table.ts'
import { stamp } from './splice.ts'

/** One figure of a benchmark. */
export type BenchFigure = { readonly name: string; readonly value: number; readonly unit: string }

const stanzaCount = 3_000
const rounds = 12

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** The best of some rounds, in CPU time a stanza: other work on the machine only ever adds. */
function measure(name: string, run: () => void): BenchFigure {
  for (let round = 0; round < rounds; round++) run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = cpuMicroseconds()
    run()
    best = Math.min(best, (cpuMicroseconds() - start) / stanzaCount)
  }
  return { name, value: Math.round(best * 100) / 100, unit: 'µs/stanza' }
}

function openGate(): Gate {
  const gate = createGate({ framing: 'tcp', limits: authenticatedLimits, names: createNameTable() })
  gate.push(Buffer.from(benchHeader))
  return gate
}

function cut(whole: Buffer, size: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
    Buffer.from(whole.subarray(i * size, (i + 1) * size)),
  )
}

function gateFigures(chunks: readonly Buffer[]): readonly BenchFigure[] {
  const whole = Buffer.concat(chunks)
  const gate = openGate()
  const each = (use: (event: GateEvent) => void) => () => {
    for (const chunk of chunks) for (const event of gate.push(chunk)) use(event)
  }
  const pieces = (size: number) => {
    const cuts = cut(whole, size)
    return measure(`gate, ${size}-byte chunks`, () => {
      for (const chunk of cuts) gate.push(chunk)
    })
  }
  return [
    measure(
      'gate',
      each(() => {}),
    ),
    measure(
      'gate + stamp',
      each((event) => event.kind === 'element' && stamp(event.element, { from: 'a@b.example/c' })),
    ),
    measure(
      'gate + tree',
      each((event) => event.kind === 'element' && parseElement(event.element.raw)),
    ),
    pieces(1460),
    pieces(200),
    pieces(65_536),
  ]
}

function xmppFigure(chunks: readonly Buffer[]): BenchFigure {
  const parser = new Parser()
  parser.write(benchHeader)
  return measure('@xmpp/xml Parser', () => {
    for (const chunk of chunks) parser.write(chunk.toString())
  })
}

function saxesFigure(chunks: readonly Buffer[]): BenchFigure {
  const parser = new SaxesParser({ xmlns: true, position: false })
  parser.on('opentag', () => {})
  parser.on('closetag', () => {})
  parser.on('text', () => {})
  parser.write(benchHeader)
  return measure('saxes, namespaces', () => {
    for (const chunk of chunks) parser.write(chunk.toString())
  })
}

/** Measures the gate against @xmpp/xml and saxes on the mix, one stanza a chunk unless said. Units: CPU time. */
export async function bench(): Promise<readonly BenchFigure[]> {
  const chunks = benchStanzas(stanzaCount).map((text) => Buffer.from(text))
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return [
    { name: 'average stanza', value: Math.round(bytes / stanzaCount), unit: 'B' },
    ...gateFigures(chunks),
    xmppFigure(chunks),
    saxesFigure(chunks),
  ]
}
