/** Edits that still make a typing error. Units: letters. */
const maxEdits = 3

/** The known name that an unknown one was probably meant to be. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly edits: number } | undefined
  for (const one of known) {
    const edits = editsBetween(name.toLowerCase(), one.toLowerCase())
    if (edits <= Math.min(maxEdits, one.length / 3) && edits < (best?.edits ?? Infinity)) best = { name: one, edits }
  }
  return best?.name
}

function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
