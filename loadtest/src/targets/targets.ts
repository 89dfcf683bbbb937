/** placeholder */
export async function manageTarget(_name: string, _verb: string, _runDir: string): Promise<readonly string[]> {
  return []
}
