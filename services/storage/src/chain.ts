import type { QueryName, Step, Storage } from '@starling/core'

/** A chain of questions under a key; chains of one key run one after another, chains of different keys side by side. */
export interface Chain {
  readonly key: string
  readonly begin: () => Step | Promise<Step>
  /** Called with every answer, before the chain goes on. */
  readonly onAnswer?: (query: QueryName, args: unknown, result: unknown) => void
  /** Called once, with the step that ends the chain. */
  readonly end: (last: Exclude<Step, { do: 'ask' }>) => void
  /** Called instead, once, when the chain's own code throws (a bug): the chain is over, the others go on (R10). */
  readonly onBug: (error: unknown) => void
}

/** Questions one chain may ask. Units: questions; a longer chain is a module's bug. */
export const maxQuestions = 1_000

/**
 * Runs chains to their ends: in every round the open question of each key is asked, all questions of one query together in
 * one call (one statement), so that a batch costs a statement a query and not one a record.
 * Order: reads see the writes before them under the same key.
 * Errors: rejects with what storage rejects with; then no chain may be taken as done. A chain that throws itself ends alone.
 */
export async function runChains(storage: Storage, chains: readonly Chain[]): Promise<void> {
  const waiting = new Map<string, Chain[]>()
  for (const chain of chains) {
    const some = waiting.get(chain.key)
    if (some === undefined) waiting.set(chain.key, [chain])
    else some.push(chain)
  }
  let open: Open[] = []
  const start = async (key: string): Promise<void> => {
    const chain = waiting.get(key)?.shift()
    if (chain !== undefined) await advance({ chain, asked: 0 }, chain.begin)
  }
  /** Takes a chain to its next question, or to its end and the key's next chain. */
  const advance = async (at: Open, code: () => Step | Promise<Step>): Promise<void> => {
    try {
      const step = await code()
      if (step.do === 'ask') {
        if (at.asked >= maxQuestions) throw new Error(`a chain asked more than ${maxQuestions} questions`)
        open.push({ chain: at.chain, asked: at.asked + 1, step })
        return
      }
      at.chain.end(step)
    } catch (error) {
      at.chain.onBug(error)
    }
    await start(at.chain.key)
  }
  for (const key of waiting.keys()) await start(key)
  while (open.length > 0) {
    const round = open
    open = []
    const groups = new Map<QueryName, Open[]>()
    for (const at of round) {
      if (at.step === undefined) continue
      const group = groups.get(at.step.query)
      if (group === undefined) groups.set(at.step.query, [at])
      else group.push(at)
    }
    const answers = await Promise.all(
      [...groups].map(async ([query, group]) => {
        const results: readonly unknown[] = await storage.run(
          query,
          group.map((at) => at.step?.args as never),
        )
        return { query, group, results }
      }),
    )
    for (const { query, group, results } of answers) {
      for (const [index, at] of group.entries()) {
        const { step } = at
        if (step === undefined) continue
        await advance(at, () => {
          at.chain.onAnswer?.(query, step.args, results[index])
          return step.next(results[index] as never)
        })
      }
    }
  }
}

/** A chain with an open question. */
interface Open {
  readonly chain: Chain
  readonly asked: number
  readonly step?: Extract<Step, { do: 'ask' }>
}
