import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Reach, walkArchive } from '@starling/testkit'
import { type Account, Ledger } from './ledger.ts'
import { Member, type MemberKind } from './member.ts'

/** Units: ms. */
const times = { gapMs: 300, lookMs: 50, settleMs: 120_000, quietMs: 1_500 } as const
const pageMessages = 250

/** What a look at everything said since the last one found. */
export interface Settled extends Account {
  readonly resumed: number
  readonly began: number
  /** Units: ms until everybody was back and everything acknowledged had arrived; undefined when that did not happen in time. */
  readonly settledMs: number | undefined
  /** What was still waited for when the time was up; '' when nothing was. */
  readonly waitedFor: string
}

/** Many clients that talk to each other all the time. */
export interface Party {
  readonly members: readonly Member[]
  readonly ledger: Ledger
  /** Holds its tongue until everybody is back and all has arrived; reconciles what was said since the last time; talks on. */
  readonly settle: () => Promise<Settled>
  /** Waits until that many who manage their streams are at one of the addresses: others are cut until they come there. */
  readonly gather: (at: number, count: number) => Promise<void>
  /** Reads every pair's archives; what is wrong with them. */
  readonly archives: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** Kinds of members, in turn: managed over TCP and WebSocket, one that flaps, one without stream management. */
export function kindsOf(count: number): readonly MemberKind[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `member-${index + 1}`,
    transport: index % 4 === 1 ? 'websocket' : 'tcp',
    isManaged: index % 4 !== 3,
    isFlapping: index % 4 === 2,
  }))
}

/** Brings everybody online and begins the talk. The accounts exist. */
export async function makeParty(
  kinds: readonly MemberKind[],
  ports: { readonly reaches: readonly Reach[]; readonly password: string; readonly random: () => number },
): Promise<Party> {
  const { reaches, password, random } = ports
  const domain = reaches[0]?.domain ?? 'localhost'
  const ledger = new Ledger(new Set(kinds.filter(({ isManaged }) => isManaged).map(({ name }) => name)))
  const members = kinds.map((kind, turn) => new Member(kind, turn, { reaches, password, ledger, random }))
  for (const member of members) await member.start()
  let isSilent = false
  let next = 0
  const talk = setInterval(
    () => {
      if (isSilent) return
      const sender = members[next++ % members.length]
      const receiver = members[Math.floor(random() * members.length)]
      if (sender !== undefined && receiver !== undefined && sender !== receiver) sender.say(receiver.kind.name, domain)
    },
    Math.max(1, times.gapMs / members.length),
  )
  let from = 0
  let [resumed, began] = [0, 0]

  const settle = async (): Promise<Settled> => {
    isSilent = true
    const start = performance.now()
    const isSettled = (): boolean =>
      members.every((member) => (member.isOnline || member.kind.isFlapping) && member.pending === 0) &&
      ledger.outstanding === 0
    while (!isSettled() && performance.now() - start < times.settleMs) await sleep(times.lookMs)
    const settledMs = isSettled() ? Math.round(performance.now() - start) : undefined
    const waitedFor = settledMs === undefined ? tell(members, ledger) : ''
    await sleep(times.quietMs) // what should not come has its chance
    ledger.giveUp()
    const account = ledger.account(from)
    from = ledger.count
    ledger.isForgetful = false
    const counts = members.map((member) => member.counts)
    const now = [sum(counts.map((one) => one.resumed)), sum(counts.map((one) => one.began))] as const
    const result = { ...account, resumed: now[0] - resumed, began: now[1] - began, settledMs, waitedFor }
    ;[resumed, began] = now
    isSilent = false
    return result
  }

  return {
    members,
    ledger,
    settle,
    gather: async (at, count) => {
      const steady = members.filter(({ kind }) => kind.isManaged && !kind.isFlapping)
      const isThere = (member: Member): boolean => member.isOnline && member.at === at
      const end = performance.now() + times.settleMs
      while (steady.filter(isThere).length < Math.min(count, steady.length) && performance.now() < end) {
        steady.find((member) => member.isOnline && member.at !== at)?.cut()
        await sleep(times.gapMs)
      }
    },
    archives: async () => {
      isSilent = true
      await sleep(times.quietMs)
      const faults: string[] = []
      const [reach] = reaches
      if (reach === undefined) throw new Error('nowhere to connect to')
      for (const { name } of kinds) {
        const device = await connect(reach, { username: name, password })
        for (const peer of kinds) {
          if (peer.name === name) continue
          const bodies = (await walkArchive(device, `${peer.name}@${domain}`, pageMessages)).map(({ body }) => body)
          const where = (fault: string): string => `archive of ${name}: ${fault}`
          faults.push(...ledger.checkArchive(name, peer.name, bodies).map(where))
          faults.push(...ledger.checkArchive(peer.name, name, bodies).map(where))
        }
        await device.close()
      }
      isSilent = false
      return faults
    },
    close: async () => {
      clearInterval(talk)
      await Promise.all(members.map((member) => member.close()))
    },
  }
}

function tell(members: readonly Member[], ledger: Ledger): string {
  const offline = members.filter(({ isOnline }) => !isOnline).map(({ kind, xmpp }) => `${kind.name} ${xmpp.status}`)
  const pending = members.filter((one) => one.pending > 0).map((one) => `${one.kind.name} ${one.pending}`)
  return `offline: ${offline.join(', ') || 'nobody'}; pending: ${pending.join(', ') || 'nothing'}; ${ledger.waiting(6).join(', ')}`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
