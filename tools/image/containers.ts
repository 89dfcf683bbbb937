import { run } from '../run.ts'

/** Units: ms that one command of the engine may take; bringing a whole cluster up is the longest. */
const commandMs = 480_000

/** Runs `docker ARGS` and gives what it printed. Errors: throws with that when it fails. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { code, output } = await run('docker', args, { show: false, timeoutMs: commandMs })
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}:\n${output.slice(-4_000)}`)
  return output
}

/** How `docker ARGS` ends, for what may fail. */
export async function dockerCode(...args: readonly string[]): Promise<number> {
  return (await run('docker', args, { show: false, timeoutMs: commandMs })).code
}

/** Makes the accounts by the image's own admin command: `into` is `exec CONTAINER` or `compose … exec -T gateway`. */
export async function makeAccounts(into: readonly string[], names: readonly string[], password: string): Promise<void> {
  for (const name of names) {
    const command = ['tools/image/entrypoint.sh', 'admin', 'account', 'create', `${name}@localhost`, password]
    const { code, output } = await run('docker', [...into, ...command], { show: false, timeoutMs: commandMs })
    // a busy machine may answer too late: then it is there at the second try
    if (code === 0) continue
    const again = await run('docker', [...into, ...command], { show: false, timeoutMs: commandMs })
    if (again.code !== 0 && !again.output.includes('already')) throw new Error(`${name}: ${output}${again.output}`)
  }
}
