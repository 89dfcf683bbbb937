/** One line of a plot; gaps are undefined. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number | undefined])[]
}

/** What a plot shows. */
export interface Plot {
  readonly title: string
  readonly series: readonly Series[]
  readonly unit: string
  readonly xUnit: string
  /** Powers of ten upward instead of equal steps. */
  readonly isLogarithmic?: boolean
  /** Texts for x positions instead of numbers. */
  readonly xTicks?: readonly (readonly [x: number, text: string])[]
}

const width = 720
const height = 260
const margin = { left: 58, right: 12, top: 30, bottom: 44 } as const
const colours = [
  ...['#2563eb', '#dc2626', '#16a34a', '#9333ea', '#d97706', '#0891b2'],
  ...['#be185d', '#4d7c0f', '#111827', '#a16207', '#64748b', '#f472b6'],
] as const
const maxPoints = 600
const legendColumns = 4
const legendRow = 16

/** Draws a plot as SVG text that needs nothing else; empty when there is nothing to draw. */
export function drawPlot(plot: Plot): string {
  const all = plot.series.flatMap(({ points }) => points.filter(([, y]) => y !== undefined)) as (readonly [
    number,
    number,
  ])[]
  if (all.length === 0) return ''
  const xs = all.map(([x]) => x)
  const [xMin, xMax] = [least(xs), Math.max(most(xs), least(xs) + 1e-9)]
  const scale = scaleOf(
    all.map(([, y]) => y),
    plot.isLogarithmic === true,
  )
  const x = (value: number): number =>
    margin.left + ((value - xMin) / (xMax - xMin)) * (width - margin.left - margin.right)
  const y = (value: number): number =>
    height - margin.bottom - scale.share(value) * (height - margin.top - margin.bottom)
  const grid = scale.ticks.map(
    (tick) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${round(y(tick))}" y2="${round(y(tick))}" class="grid"/>` +
      `<text x="${margin.left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
  )
  const xTicks = plot.xTicks ?? steps(xMin, xMax, 6).map((tick) => [tick, label(tick)] as const)
  const below = xTicks.map(
    ([tick, text]) =>
      `<text x="${round(x(tick))}" y="${height - margin.bottom + 16}" text-anchor="middle">${escapeText(text)}</text>`,
  )
  const lines = plot.series.map(({ points }, i) => {
    const colour = colours[i % colours.length]
    return `<path d="${pathOf(thin(points), x, y)}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-linecap="round"/>`
  })
  const legend = plot.series.map(({ name }, i) => {
    const at = margin.left + (i % legendColumns) * ((width - margin.left) / legendColumns)
    const row = height - 6 + Math.floor(i / legendColumns) * legendRow
    return (
      `<rect x="${round(at)}" y="${row}" width="10" height="10" fill="${colours[i % colours.length]}"/>` +
      `<text x="${round(at + 14)}" y="${row + 9}">${escapeText(name)}</text>`
    )
  })
  const title = `<text x="${margin.left}" y="18" class="title">${escapeText(plot.title)} (${escapeText(plot.unit)})</text>`
  const axis = `<text x="${width - margin.right}" y="${height - margin.bottom + 30}" text-anchor="end">${escapeText(plot.xUnit)}</text>`
  const whole = height + Math.ceil(plot.series.length / legendColumns) * legendRow - 8
  return `<svg viewBox="0 0 ${width} ${whole}" role="img">${title}${grid.join('')}${below.join('')}${axis}${lines.join('')}${legend.join('')}</svg>`
}

interface Scale {
  readonly share: (value: number) => number
  readonly ticks: readonly number[]
}

function scaleOf(values: readonly number[], isLogarithmic: boolean): Scale {
  if (!isLogarithmic) {
    // Where nothing happened, the line lies at the bottom of a scale to 1.
    const top = most(values) > 0 ? most(values) * 1.05 : 1
    return { share: (value) => value / top, ticks: steps(0, top, 5) }
  }
  const low = Math.floor(Math.log10(Math.max(least(values), 1e-3)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(most(values), 1e-3))))
  const share = (value: number): number => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)
  return { share, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) }
}

/** Round numbers between two bounds. */
function steps(from: number, to: number, wanted: number): readonly number[] {
  const raw = (to - from) / wanted
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? raw
  const first = Math.ceil(from / step)
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, i) => (first + i) * step)
}

function pathOf(points: Series['points'], x: (value: number) => number, y: (value: number) => number): string {
  let isDown = false
  return points
    .map(([px, py]) => {
      if (py === undefined) {
        isDown = false
        return ''
      }
      const place = `${round(x(px))} ${round(y(py))}`
      const part = isDown ? `L${place}` : `M${place}h0` // so that a lonely point is a dot
      isDown = true
      return part
    })
    .join('')
}

/** Of many points the highest of each stretch, so that no spike is lost. */
function thin(points: Series['points']): Series['points'] {
  if (points.length <= maxPoints) return points
  const stretch = Math.ceil(points.length / maxPoints)
  const kept: (readonly [number, number | undefined])[] = []
  for (let at = 0; at < points.length; at += stretch) {
    const some = points.slice(at, at + stretch)
    kept.push(some.reduce((highest, point) => ((point[1] ?? -1) > (highest[1] ?? -1) ? point : highest)))
  }
  return kept
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY)
}

function most(values: readonly number[]): number {
  return values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function label(value: number): string {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`
  return String(+value.toPrecision(3))
}

/** Escapes text for HTML. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
