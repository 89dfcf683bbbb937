import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../alive.ts'
import { root, run } from '../run.ts'

/** Versions of what the checks of the manifests are made with; a new one is fetched beside the old. */
export const versions = {
  kustomize: 'v5.7.1',
  kubeconform: 'v0.7.0',
  schemas: '1.37.0',
  kubernetes: 'v1.34.0',
} as const

const cache = join(root, '.cache')
/** kustomize is compiled here, once: more than a minute of CPU on a busy machine. Units: ms. */
const fetchTimeoutMs = 9 * 60_000

/** kustomize, compiled from its Go module once. Errors: rejects with what is missing and how to get it. */
export function kustomize(): Promise<string> {
  return goProgram('kustomize', 'sigs.k8s.io/kustomize/kustomize/v5', versions.kustomize)
}

/** kubeconform, compiled from its Go module once. Errors: rejects with what is missing and how to get it. */
export function kubeconform(): Promise<string> {
  return goProgram('kubeconform', 'github.com/yannh/kubeconform/cmd/kubeconform', versions.kubeconform)
}

/** Folder of Kubernetes' own schemas, unknown fields refused, out of the Python package kubernetes-validate. */
export function kubernetesSchemas(): Promise<string> {
  const folder = `kubernetes-schemas-${versions.schemas}-${versions.kubernetes}`
  return kept(folder, async (directory) => {
    const wheel = `kubernetes-validate==${versions.schemas}`
    const pip = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', directory, wheel]
    await must('python3', pip, `Kubernetes' schemas are missing: Python 3 with pip fetches ${wheel}`)
    const unpack = ['-c', unpackSchemas, directory, versions.kubernetes]
    await must('python3', unpack, `${wheel} cannot be unpacked`)
  })
}

/** promtool: this machine's, else out of Debian's package prometheus, which is unpacked and not installed. */
export function promtool(): Promise<string> {
  return debianProgram('promtool', 'prometheus')
}

/** shellcheck: this machine's, else Debian's, unpacked and not installed. */
export function shellcheck(): Promise<string> {
  return debianProgram('shellcheck', 'shellcheck')
}

async function debianProgram(name: string, packageName: string): Promise<string> {
  const directory = await kept(name, async (folder) => {
    const cure = `${name} is missing: install it (on Debian: apt-get install ${packageName})`
    const there = await run('sh', ['-c', `command -v ${name}`], { show: false, timeoutMs: 10_000 })
    if (there.code === 0) return must('ln', ['-s', there.output.trim(), join(folder, name)], cure)
    const unpack = `dpkg -x ${packageName}_*.deb . && ln -s usr/bin/${name} ${name}`
    const fetched = `cd '${folder}' && apt-get download -q ${packageName} && ${unpack}`
    const first = await run('sh', ['-c', fetched], { show: false, timeoutMs: fetchTimeoutMs })
    // A new machine knows no package before its first update, which needs root
    if (first.code !== 0) await must('sh', ['-c', `apt-get update -q && ${fetched}`], cure)
  })
  return join(directory, name)
}

/** Refs of the package's schemas are to its own web address: made relative, so that nothing is asked for over the net. */
const unpackSchemas = `
import glob, json, sys, zipfile
directory, version = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(directory + '/*.whl')[0])
part = '/' + version + '-local-strict/'
for name in wheel.namelist():
    if part in name and name.endswith('.json'):
        text = wheel.read(name).decode().replace('"/api/_definitions.json#', '"_definitions.json#')
        schema = json.loads(text)
        schema.pop('$id', None)
        with open(directory + '/' + name.rsplit('/', 1)[1], 'w') as file:
            json.dump(schema, file)
`

async function goProgram(name: string, path: string, version: string): Promise<string> {
  const directory = await kept(`${name}-${version}`, async (folder) => {
    const cure = `${name} ${version} is missing: Go 1.24 or newer compiles it (go install ${path}@${version})`
    const env = { GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -trimpath' }
    await must('go', ['install', `${path}@${version}`], cure, env)
  })
  return join(directory, name)
}

/** A folder of the cache, made by one process while others wait; one that was not finished is made anew. */
async function kept(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(cache, name)
  if (existsSync(directory)) return directory
  await mkdir(cache, { recursive: true })
  const lock = join(cache, `${name}.lock`)
  while (!(await take(lock))) await sleep(500)
  try {
    if (existsSync(directory)) return directory
    process.stderr.write(`fetching ${name} (once)\n`)
    const partial = `${directory}.partial`
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    await make(partial)
    await rename(partial, directory)
    return directory
  } finally {
    await unlink(lock).catch(() => undefined)
  }
}

async function take(lock: string): Promise<boolean> {
  const file = await open(lock, 'wx').catch(() => undefined)
  if (file !== undefined) {
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  }
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''))
  if (holder > 0 && !isAlive(holder)) await unlink(lock).catch(() => undefined)
  return false
}

async function must(
  program: string,
  args: readonly string[],
  cure: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, output } = await run(program, args, { show: false, env, timeoutMs: fetchTimeoutMs })
  if (code !== 0) throw new Error(`${cure}\n${program} ended with ${code}:\n${output.slice(-2_000)}`)
}
