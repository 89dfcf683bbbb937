// `npm run bench [FILTER]`: runs `bench()` of every *.bench.ts whose path holds FILTER and prints what it measured.
// Figures to compare on one machine; nothing is asserted about time.
import { cpus } from 'node:os'
import { join } from 'node:path'
import { sourceFiles } from './checks/source-files.ts'
import { root } from './run.ts'

interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const filter = process.argv[2] ?? ''
const files = sourceFiles(root, ['packages', 'services', 'loadtest'], (name) => name.endsWith('.bench.ts')).filter(
  (file) => file.includes(filter),
)
const [cpu] = cpus()
console.log(
  `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), Node ${process.version}, ${process.platform} ${process.arch}`,
)
if (files.length === 0) {
  console.error(filter === '' ? 'there is no *.bench.ts yet' : `no *.bench.ts matches '${filter}'`)
  process.exitCode = 1
}
for (const file of files) {
  console.log(`\n${file}`)
  const loaded: { readonly bench?: unknown } = await import(join(root, file))
  if (typeof loaded.bench !== 'function') throw new Error(`${file} exports no bench()`)
  const figures: readonly Figure[] = await loaded.bench()
  const width = Math.max(...figures.map(({ name }) => name.length))
  for (const { name, value, unit } of figures) {
    console.log(
      `  ${name.padEnd(width)}  ${value.toLocaleString('en', { maximumSignificantDigits: 4 }).padStart(12)} ${unit}`,
    )
  }
}
