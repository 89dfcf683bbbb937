/** One place of the source, and what stands there instead. */
export interface Edit {
  readonly file: string
  /** Found exactly once, or the mutation is out of date. */
  readonly find: string
  readonly replace: string
}

/** A rule of the design, taken out of the code itself. */
export interface Mutation {
  readonly name: string
  readonly rule: string
  readonly edits: readonly Edit[]
  /** Why taking this away alone need not show: what else prevents the harm, or what shows it instead. */
  readonly whyNot?: string
}

const connection = 'services/connection-manager/src/connection.ts'
const keyed = 'packages/runtime/src/keyed.ts'
const podInbox = 'packages/runtime/src/pod-inbox.ts'
const smSide = 'services/connection-manager/src/sm-side.ts'
const smShell = 'services/connection-manager/src/sm-shell.ts'
const sessionSm = 'services/session/src/stream-management.ts'
const routingState = 'services/routing/src/state.ts'
const ending = 'services/routing/src/ending.ts'
const memoryPresence = 'packages/adapters/src/memory/presence.ts'

function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace }
}

/** Each must be noticed by the simulation: `npm run simulate -- --mutations`, docs/simulation.md. */
export const sourceMutations: readonly Mutation[] = [
  {
    name: 'ack-before-produce',
    rule: 'R1: <a/> before the log holds the stanza',
    edits: [
      edit(
        connection,
        "io.publish('session', traced).then(settled, this.#refused)",
        "settled()\n    io.publish('session', traced).catch(this.#refused)",
      ),
    ],
  },
  {
    name: 'ack-without-lease',
    rule: 'R1, R7: <a/> and output though the lease has ended; no fencing by the own clock',
    edits: [
      edit(podInbox, 'isLeased: () => held !== undefined && monotonic() < held.validUntil', 'isLeased: () => true'),
      edit(podInbox, "else void fence('it could not be renewed in time')", 'else return'),
      edit(podInbox, 'else if (held === now) await fence(', 'else if (held !== now) await fence('),
    ],
  },
  {
    name: 'produce-failure-ignored',
    rule: 'R1: a produce that failed does not end the connection, and h counts what came behind it (either alone is stopped by the other)',
    edits: [
      edit(smSide, 'if (ordinal !== this.#durable + 1) {', 'if (ordinal < this.#durable) {'),
      edit(
        connection,
        'if (this.isEnded) return\n    const isFull',
        'if (this.isEnded || error !== this) return\n    const isFull',
      ),
    ],
  },
  {
    name: 'commit-before-publish',
    rule: 'R2: the offset is committed before what the batch caused is durable',
    edits: [
      edit(
        keyed,
        "await publisher.publishWork(name, work.outputs)\n      spans?.phase('publish')\n      state.published = { lastOffset, table, areStatesGone: false }\n      states?.assertSame(state)\n      await work.save?.()",
        'void publisher.publishWork(name, work.outputs).then(() => work.save?.()).catch(() => {})',
      ),
    ],
  },
  {
    name: 'save-before-publish',
    rule: 'R3: state is saved before what follows from it is published',
    edits: [
      edit(
        keyed,
        "await publisher.publishWork(name, work.outputs)\n      spans?.phase('publish')\n      state.published = { lastOffset, table, areStatesGone: false }\n      states?.assertSame(state)\n      await work.save?.()",
        'await work.save?.()\n        await publisher.publishWork(name, work.outputs)',
      ),
    ],
  },
  {
    name: 'cause-ignored',
    rule: 'R3: a record is taken whatever caused it',
    edits: [
      edit(
        keyed,
        'if (envelope.cause === undefined || table.accept(envelope.cause)) {',
        'if (envelope.cause === undefined || table.accept(envelope.cause) || true) {',
      ),
    ],
  },
  {
    name: 'cause-table-forgotten',
    rule: 'R3: the table of causes is not kept with the commit',
    edits: [
      edit(
        keyed,
        'state.metadata = table.encode()\n    state.table = table',
        "state.metadata = ''\n    state.table = table",
      ),
    ],
  },
  {
    name: 'failed-batch-counts-as-seen',
    rule: 'R3: a batch that failed is tried again with the causes it has seen',
    edits: [edit(keyed, 'state.table = undefined\n    const lastOffset', 'state.table = table\n    const lastOffset')],
  },
  {
    name: 'remembered-over-assignments',
    rule: 'R3: a partition that comes back is worked on states from before it went',
    edits: [
      edit(keyed, 'remembered?.forget()\n      owned.set(', 'owned.set('),
      edit(keyed, 'remembered?.forget()\n      owned.delete(', 'owned.delete('),
    ],
  },
  {
    name: 'mark-ignored-by-session',
    rule: 'R3: what a session owner has saved is handled again',
    whyNot:
      'doubled: a stanza is taken at count+1 alone, a save not above the mark is refused, what shows twice has one cause',
    edits: [
      edit(
        'services/session/src/worker.ts',
        'if (entry === undefined || input.place.offset <= entry.mark) continue',
        'if (entry === undefined) continue',
      ),
    ],
  },
  {
    name: 'mark-ignored-by-routing',
    rule: 'R4: what routing has saved is handled again',
    edits: [
      edit(
        'services/routing/src/worker.ts',
        'return at === undefined || place.offset <= at.mark ? undefined : at',
        'return at',
      ),
    ],
  },
  {
    name: 'older-save-taken',
    rule: 'R3: an owner of yesterday may overwrite state',
    edits: [edit(memoryPresence, 'if (!(save.mark > old.mark)) return false', '')],
  },
  {
    name: 'nothing-decided',
    rule: 'R3: whether the roster is remembered is not decided with the state',
    edits: [
      edit('services/session/src/worker.ts', 'if (await decide(deciding, entries)) {', 'if (entries.size < 0) {'),
    ],
  },
  {
    name: 'ordinal-unchecked-by-session',
    rule: "R5: a client's stanza is taken whatever its ordinal",
    edits: [edit('services/session/src/client.ts', "if (ordinal !== known.count + 1) return 'out-of-order'\n", '')],
  },
  {
    name: 'ordinal-unchecked-by-pod',
    rule: 'R4: the pod writes a delivery it has written (and its inbox drops nothing by cause, which alone would do)',
    edits: [
      edit(smSide, "if (ordinal <= this.#written) return isAbove(cause, this.#last) ? 'other' : 'known'", ''),
      edit(podInbox, 'if (envelope.cause !== undefined && !table.accept(envelope.cause)) continue', ''),
    ],
  },
  {
    name: 'generation-unchecked',
    rule: 'R5: an older connection takes the session',
    edits: [edit(sessionSm, 'const isYounger = head.generation > session.generation', 'const isYounger = true')],
  },
  {
    name: 'rest-of-queue-unsent',
    rule: 'R5: after a resume the first of what is left is not sent',
    edits: [
      edit(
        routingState,
        'const entries = unacked(queued, at, sm, acked)',
        'const entries = unacked(queued, at, sm, acked).slice(1)',
      ),
    ],
  },
  {
    name: 'trim-at-resume-too-early',
    rule: 'R5: on a resume the queue is trimmed to what was sent, not to what the client has',
    edits: [
      edit(
        routingState,
        'at.trimmed.push({ account: at.account, queue: smId, ordinal: acked })',
        'at.trimmed.push({ account: at.account, queue: smId, ordinal: last })',
      ),
    ],
  },
  {
    name: 'trim-too-early',
    whyNot: 'its harm needs a connection that breaks within a millisecond of an acknowledgement',
    rule: 'R5: an acknowledgement trims what was written behind it too',
    edits: [
      edit(
        smShell,
        'pod.trims.add({ account, queue: sm.id, ordinal: sm.acked })',
        'pod.trims.add({ account, queue: sm.id, ordinal: sm.acked + sm.unacked })',
      ),
    ],
  },
  {
    name: 'expire-ends-resumed',
    rule: 'R6: the time of a session ends it though a resume came first',
    edits: [
      edit(
        sessionSm,
        'const session = sessionOf(turn.account, target)\n  if (session === undefined || !isHibernating(session)) return',
        'const session = [...turn.account.sessions.values()].find(({ sm }) => sm?.id === nameOf(target))\n  if (session === undefined) return',
      ),
    ],
  },
  {
    name: 'rest-not-handed-on',
    rule: 'R6: what an ended session left unacknowledged goes nowhere',
    edits: [edit(ending, 'unacked(queued, at, sm, 0)', 'unacked(queued, at, sm, sm.last)')],
  },
  {
    name: 'redelivery-archived-again',
    rule: 'R6: what is handed on is archived once more',
    edits: [edit(ending, '    isReplay: true,\n', '    isReplay: false,\n')],
  },
  {
    name: 'hibernation-not-noted',
    rule: 'R6: nobody knows when a session that waits is to end',
    edits: [
      edit(
        'services/session/src/worker.ts',
        'if (hibernations.length > 0) await',
        'if (hibernations.length < 0) await',
      ),
    ],
  },
  {
    name: 'dead-pods-unswept',
    rule: "R7: nobody ends a dead pod's sessions",
    edits: [
      edit(
        'services/connection-manager/src/sweep.ts',
        'this.#told = new Set([...this.#told].filter((key) => since.has(key)))\n    return dead',
        'this.#told = new Set([...this.#told].filter((key) => since.has(key)))\n    return dead.slice(0, 0)',
      ),
    ],
  },
  {
    name: 'epoch-unchecked',
    rule: 'R7: a pod takes what was written for an earlier one of its slot',
    whyNot: 'a stray number must meet one of its connections; pod-inbox.test.ts shows it by itself',
    edits: [edit(podInbox, 'if (epochOf(envelope) !== lease.epoch) continue', 'if (epochOf(envelope) < -1) continue')],
  },
]
