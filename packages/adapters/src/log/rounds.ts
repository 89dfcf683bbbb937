/**
 * Makes a schedule that runs steps in rounds: what is asked for while a round runs, also by what its promises lead to, is the next
 * round, in the same turn of the event loop. So a stanza goes through all stages of one process in one turn, and what comes close
 * together is worked on together.
 * Order: as asked for. The first round of a turn comes when all sockets that could be read were read; after `maxRounds` sockets have their turn.
 */
export function rounds(maxRounds = 48): (run: () => void, delayMs: number) => void {
  let asked: (() => void)[] = []
  let isUnderWay = false
  let left = 0

  function round(): void {
    const steps = asked
    asked = []
    for (const step of steps) step()
    // Promises are worked off before the next tick is looked at, however many more there become
    queueMicrotask(() => process.nextTick(next))
  }

  function next(): void {
    if (asked.length === 0) isUnderWay = false
    else if (left-- > 0) round()
    else setImmediate(turn)
  }

  function turn(): void {
    left = maxRounds
    round()
  }

  return (run, delayMs) => {
    if (delayMs > 0) {
      setTimeout(run, delayMs)
      return
    }
    asked.push(run)
    if (isUnderWay) return
    isUnderWay = true
    setImmediate(turn)
  }
}
