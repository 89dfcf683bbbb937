// `npm run docs`: writes the generated pages of docs/; `npm run docs -- --check` says which are stale and changes nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { modules } from '@starling/modules'
import { optionsPage } from '@starling/runtime'
import { dashboardJson } from './docs/dashboard.ts'
import { dashboards } from './docs/dashboards.ts'
import { inboxesPage } from './docs/inboxes-page.ts'
import { metricsPage } from './docs/metrics-page.ts'
import { modulesPage } from './docs/modules-page.ts'
import { topicsManifest } from './docs/topics-manifest.ts'
import { usersManifest } from './docs/users-manifest.ts'
import { root } from './run.ts'

const pages: readonly { readonly file: string; readonly text: string }[] = [
  { file: 'docs/options.md', text: optionsPage(modules) },
  { file: 'docs/modules.md', text: modulesPage(modules) },
  { file: 'docs/inboxes.md', text: inboxesPage() },
  { file: 'docs/metrics.md', text: await metricsPage() },
  { file: 'k8s/overlays/production/topics.yaml', text: topicsManifest() },
  { file: 'k8s/overlays/production/users.yaml', text: usersManifest() },
  ...Object.entries(dashboards).map(([name, dashboard]) => {
    return { file: `k8s/monitoring/dashboards/${name}.json`, text: dashboardJson(dashboard) }
  }),
]

const isCheck = process.argv.includes('--check')
const stale = pages.filter(({ file, text }) => {
  const path = join(root, file)
  return !existsSync(path) || readFileSync(path, 'utf8') !== text
})
for (const { file, text } of stale) {
  if (isCheck) console.error(`${file} is stale: npm run docs writes it anew`)
  else writeFileSync(join(root, file), text)
}
if (!isCheck)
  console.log(stale.length === 0 ? 'all pages are current' : `wrote ${stale.map(({ file }) => file).join(', ')}`)
process.exitCode = isCheck && stale.length > 0 ? 1 : 0
