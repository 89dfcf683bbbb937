// Plain JavaScript for the oldest Node we start on (18): nothing here may need a newer one.

/** The Node that runs TypeScript as it is (stable type stripping), and node:sqlite. */
export const neededNode = [24, 12]

/** Whether `version` ('v24.21.0' or '24.21.0') runs the project. */
export function isNodeEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > neededNode[0] || (major === neededNode[0] && minor >= neededNode[1])
}

/**
 * Why `npm install` has to run, or undefined when it needn't.
 * Shape: `lock` is package-lock.json, `installed` is npm's record node_modules/.package-lock.json, both parsed.
 */
export function whyInstall(lock, installed) {
  if (installed === undefined) return 'the dependencies are not installed'
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/')) continue
    const found = installed.packages[path]
    if (found === undefined && !wanted.optional && !wanted.peer) return `${path} is not installed`
    if (found !== undefined && found.version !== wanted.version) return `${path} is not version ${wanted.version}`
  }
  return undefined
}

/** Splits the command line: options of Node's own, then the script and its arguments. */
export function readArguments(args) {
  const watch = args[0] === '--watch'
  const [script, ...rest] = watch ? args.slice(1) : args
  return { watch, script, rest }
}
