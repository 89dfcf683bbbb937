import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Reach, walkArchive } from '@starling/testkit'
import { type Heard, readSaid, type Said, Talker } from './talker.ts'

/** Two accounts that talk through every fault, and an account of what became of each message. */
export interface Conversation {
  readonly talkers: readonly [Talker, Talker]
  /**
   * Waits until both are online and what they say now arrives, then reconciles everything said so far: whatever was said on
   * streams that both stayed arrived once and in order, and nothing ever came twice. Returns how many messages were said.
   */
  readonly settled: () => Promise<number>
  /** Looks at both archives: whatever was said on a stream that stayed is in them, once and in order; others up to a point. */
  readonly archived: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Units: ms between two messages of one talker: sixteen a second together, all of which fit the pages an archive is read in. */
const gapMs = 125
const settleTimeoutMs = 45_000
const lookMs = 50
/** Units: ms without a word before the archives are read. */
const quietMs = 1_000
const pageMessages = 250

/** Starts a conversation; each talker prefers a connection-manager of its own. */
export async function converse(
  reaches: readonly Reach[],
  names: readonly [string, string],
  password: string,
): Promise<Conversation> {
  const one = new Talker(names[0], password, reaches)
  const other = new Talker(names[1], password, [...reaches].reverse())
  const pairs = [
    [one, other],
    [other, one],
  ] as const
  await Promise.all([one.comeOnline(), other.comeOnline()])
  let isSilent = false
  const timer = setInterval(() => {
    if (isSilent) return
    for (const [sender, receiver] of pairs) sender.say(receiver)
  }, gapMs)

  /** Waits until something that is said from now on, by one who is online, has come, both ways. */
  const talks = async (): Promise<void> => {
    const marks = new Map<Talker, { readonly stream: number; readonly n: number }>()
    const hasCome = ([sender, receiver]: readonly [Talker, Talker]): boolean => {
      const { current, stream } = sender
      const mark = marks.get(sender)
      if (current === undefined) marks.delete(sender)
      else if (mark?.stream !== stream) marks.set(sender, { stream, n: current.sent })
      else return receiver.heard.some((one) => one.stream === stream && one.n > mark.n && !one.isDelayed)
      return false
    }
    const end = performance.now() + settleTimeoutMs
    const waiting = new Set(pairs)
    while (waiting.size > 0) {
      for (const pair of waiting) if (hasCome(pair)) waiting.delete(pair)
      if (performance.now() > end) assert.fail(`no message comes through any more: ${tell(one)}; ${tell(other)}`)
      await sleep(lookMs)
    }
  }

  return {
    talkers: [one, other],
    settled: async () => {
      await talks()
      const marks = pairs.map(([sender]) => sender.current?.sent ?? 0)
      const end = performance.now() + settleTimeoutMs
      const isThere = (at: number): boolean => {
        const [sender, receiver] = pairs[at] ?? [one, other]
        return receiver.heard.some(({ stream, n }) => stream === sender.stream && n >= (marks[at] ?? 0))
      }
      while (![0, 1].every(isThere)) {
        if (performance.now() > end) assert.fail(`messages stay away: ${tell(one)}; ${tell(other)}`)
        await sleep(lookMs)
      }
      let count = 0
      for (const [at, [sender, receiver]] of pairs.entries()) {
        checkHeard(sender, receiver, marks[at] ?? 0)
        count += sender.streams.reduce((sum, { sent }) => sum + sent, 0)
      }
      return count
    },
    archived: async () => {
      isSilent = true
      await sleep(quietMs)
      for (const [reader, peer] of pairs) {
        const [reach] = reaches
        if (reach === undefined) throw new Error('nowhere to connect to')
        const device = await connect(reach, { username: reader.username, password })
        const peerJid = `${peer.username}@${reach.domain}`
        const bodies = (await walkArchive(device, peerJid, pageMessages)).map(({ body }) => body)
        await device.close()
        for (const sender of [one, other]) checkArchive(sender, bodies, `in the archive of ${reader.username}`)
      }
      isSilent = false
    },
    close: async () => {
      clearInterval(timer)
      await Promise.all([one.close(), other.close()])
    },
  }
}

/** Everything said up to `lastN` of the newest stream, against what the other heard. */
function checkHeard(sender: Talker, receiver: Talker, lastN: number): void {
  const title = `from ${sender.username} to ${receiver.username}`
  const times = new Map<string, number>()
  for (const said of receiver.heard) times.set(textOf(said), (times.get(textOf(said)) ?? 0) + 1)
  const twice = [...times].filter(([, count]) => count > 1).map(([text]) => text)
  assert.deepEqual(twice, [], `${title}: nothing comes twice`)
  const live = receiver.heard.filter(({ isDelayed }) => !isDelayed)
  assert.deepEqual(disorder(live), [], `${title}: what comes live comes in order`)
  const missing = sender.streams.flatMap((stream, at) => {
    const isNewest = at === sender.streams.length - 1
    if (stream.ended !== undefined) return []
    return stream.sentTo.slice(0, isNewest ? lastN : stream.sent).flatMap((sentTo, index) => {
      const text = textOf({ by: sender.username, stream: at + 1, n: index + 1 })
      return sentTo === receiver.stream && !times.has(text) ? [text] : []
    })
  })
  assert.deepEqual(missing, [], `${title}: what was said on streams that stayed arrives`)
}

/** An archive against what was said: all of a stream that stayed, the first part of one that ended, once, in order. */
function checkArchive(sender: Talker, bodies: readonly string[], where: string): void {
  const all = bodies.flatMap((body) => readSaid(body) ?? []).filter(({ by }) => by === sender.username)
  for (const [at, { sent, ended }] of sender.streams.entries()) {
    const numbers = all.filter(({ stream }) => stream === at + 1).map(({ n }) => n)
    const count = ended === undefined ? sent : numbers.length
    const title = `${sender.username}.${at + 1} (${ended ?? 'open'}, ${sent} said) ${where}: once, in order, without a gap`
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, index) => index + 1),
      title,
    )
  }
}

/** Pairs of neighbours that stand in the wrong order. */
function disorder(heard: readonly Heard[]): readonly string[] {
  return heard.flatMap((now, at) => {
    const before = heard[at - 1]
    if (before === undefined) return []
    const isWrong = now.stream < before.stream || (now.stream === before.stream && now.n <= before.n)
    return isWrong ? [`${textOf(now)} after ${textOf(before)}`] : []
  })
}

function textOf({ by, stream, n }: Said): string {
  return `${by}.${stream}.${n}`
}

function tell(talker: Talker): string {
  const ends = talker.streams.map(({ sent, ended }) => `${sent} said, ${ended ?? 'open'}`)
  const last = talker.heard.at(-1)
  const refusals = talker.refusals.slice(-3).join(', ')
  return `${talker.username} [${ends.join('; ')}] last heard ${last === undefined ? 'nothing' : textOf(last)}, refused: ${refusals || 'never'}`
}
