import { inboxes } from '@starling/wire'
import type { BrokerFlaws } from './broker.ts'
import type { PodFlaws } from './pod.ts'
import type { PresenceFlaws } from './presence.ts'
import type { StageFlaws } from './stages.ts'

/** What is broken on purpose, by where it is. */
export interface Flaws {
  readonly broker: BrokerFlaws
  readonly presence: PresenceFlaws
  readonly stage: StageFlaws
  readonly pod: PodFlaws
}

/** Nothing is broken. */
export const noFlaws: Flaws = { broker: {}, presence: {}, stage: {}, pod: {} }

/** Rules of DESIGN §2, each taken away: a simulation that stays silent about one is worth nothing. */
export const mutations: Readonly<Record<string, { readonly rule: string; readonly flaws: Partial<Flaws> }>> = {
  'commits-first': {
    rule: 'R2: the offset is committed before the batch is done',
    flaws: { broker: { commitsFirst: true } },
  },
  'acks-first': { rule: 'R1: <a/> before the log holds the stanza', flaws: { pod: { acksFirst: true } } },
  'forgets-causes': {
    rule: 'R3: the table of causes is not kept with the commit',
    flaws: { broker: { forgetsMetadata: true } },
  },
  'shares-sources': {
    rule: 'R3: two stages that read one inbox name one source for what they cause',
    flaws: { stage: { sharesSources: true } },
  },
  'saves-first': {
    rule: 'R3: state is saved before what follows from it is published',
    flaws: { stage: { savesFirst: true } },
  },
  'ignores-marks': {
    rule: 'R3: an owner of yesterday may overwrite state',
    flaws: { presence: { ignoresMarks: true } },
  },
  'never-fenced': { rule: 'R1, R7: a pod believes in its lease for ever', flaws: { pod: { neverFenced: true } } },
  'ignores-generations': { rule: 'R5: a late resume takes the session', flaws: { pod: { ignoresGenerations: true } } },
  'loses-causes': {
    rule: 'R3: nothing says what caused a record',
    flaws: { broker: { losesCauses: () => true } },
  },
  'ignores-ordinals': {
    rule: 'R4: the pod writes whatever comes (and its inbox drops nothing by cause, which alone would do)',
    flaws: { pod: { ignoresOrdinals: true }, broker: { losesCauses: (topic) => topic === inboxes.pod.topic } },
  },
  'loses-queues': {
    rule: 'R5: the rest of the queue is not sent after a resume',
    flaws: { presence: { losesQueues: true } },
  },
  'ends-hibernations': { rule: 'R6: hibernations end too early', flaws: { presence: { endsHibernations: true } } },
  'drops-as-closed': { rule: 'R6: a lost connection ends its session', flaws: { pod: { dropsAsClosed: true } } },
}
