/** A panel: a title, a unit of Grafana's, and one line for each expression. */
export interface Panel {
  readonly title: string
  readonly unit: string
  readonly help: string
  readonly lines: readonly { readonly expr: string; readonly legend: string }[]
}

/** A dashboard: rows of panels. */
export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[]
}

const columns = 24
const panelsInRow = 3
const panelHeight = 8

/** A dashboard as Grafana's JSON; the same table gives the same text. */
export function dashboardJson({ uid, title, rows }: Dashboard): string {
  const source = { type: 'prometheus', uid: '$datasource' }
  const panels: unknown[] = []
  let top = 0
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: top, w: columns, h: 1 },
    })
    top += 1
    row.panels.forEach(({ title, unit, help, lines }, index) => {
      const width = columns / panelsInRow
      const gridPos = {
        x: (index % panelsInRow) * width,
        y: top + Math.floor(index / panelsInRow) * panelHeight,
        w: width,
        h: panelHeight,
      }
      panels.push({
        id: panels.length + 1,
        type: 'timeseries',
        title,
        description: help,
        datasource: source,
        gridPos,
        fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10, showPoints: 'never' } }, overrides: [] },
        options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
        targets: lines.map(({ expr, legend }, line) => ({
          refId: String.fromCharCode(65 + line),
          datasource: source,
          expr,
          legendFormat: legend,
        })),
      })
    })
    top += Math.ceil(row.panels.length / panelsInRow) * panelHeight
  }
  const dashboard = {
    uid,
    title,
    tags: ['starling'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' },
        {
          name: 'namespace',
          type: 'query',
          label: 'Namespace',
          datasource: source,
          query: 'label_values(starling_ready, namespace)',
          refresh: 2,
        },
      ],
    },
    panels,
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}
