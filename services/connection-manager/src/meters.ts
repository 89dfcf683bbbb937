import type { Metrics } from '@starling/core'

/** What the connection-manager counts; no label names a person. */
export interface Meters {
  readonly open: ReturnType<Metrics['gauge']>
  readonly opened: ReturnType<Metrics['counter']>
  readonly ended: ReturnType<Metrics['counter']>
  readonly signIns: ReturnType<Metrics['counter']>
  readonly failures: ReturnType<Metrics['counter']>
  readonly streamErrors: ReturnType<Metrics['counter']>
  readonly stanzasIn: ReturnType<Metrics['counter']>
  readonly stanzasOut: ReturnType<Metrics['counter']>
  readonly bytesIn: ReturnType<Metrics['counter']>
  readonly bytesOut: ReturnType<Metrics['counter']>
  readonly pauses: ReturnType<Metrics['counter']>
  readonly refused: ReturnType<Metrics['counter']>
  readonly strayOutputs: ReturnType<Metrics['counter']>
  readonly lostDrops: ReturnType<Metrics['counter']>
  readonly rollFaults: ReturnType<Metrics['counter']>
  readonly lostDelistings: ReturnType<Metrics['counter']>
  readonly sweptSessions: ReturnType<Metrics['counter']>
  readonly sweptRolls: ReturnType<Metrics['counter']>
  readonly expiredSessions: ReturnType<Metrics['counter']>
  readonly sweepFaults: ReturnType<Metrics['counter']>
  readonly smFaults: ReturnType<Metrics['counter']>
  readonly resumptions: ReturnType<Metrics['counter']>
  readonly losses: ReturnType<Metrics['counter']>
  readonly reassertions: ReturnType<Metrics['counter']>
  readonly unrestored: ReturnType<Metrics['counter']>
  readonly lostTrims: ReturnType<Metrics['counter']>
  readonly bugs: ReturnType<Metrics['counter']>
}

/** Declares the metrics. */
export function createMeters(metrics: Metrics): Meters {
  const counter = (name: string, help: string, labels?: readonly string[]): ReturnType<Metrics['counter']> =>
    metrics.counter(`starling_c2s_${name}`, help, labels)
  return {
    open: metrics.gauge('starling_c2s_connections', 'Open connections', ['transport']),
    opened: counter('connections_total', 'Connections accepted', ['transport']),
    ended: counter('connections_ended_total', 'Connections ended', ['reason']),
    signIns: counter('sign_ins_total', 'Accounts signed in', ['mechanism']),
    failures: counter('sign_in_failures_total', 'Sign-ins failed', ['condition']),
    streamErrors: counter('stream_errors_total', 'Stream errors sent', ['condition']),
    stanzasIn: counter('stanzas_in_total', 'Stanzas accepted from clients'),
    stanzasOut: counter('stanzas_out_total', 'Stanzas written to clients'),
    bytesIn: counter('in_bytes_total', 'Bytes read from clients'),
    bytesOut: counter('out_bytes_total', 'Bytes queued for clients'),
    pauses: counter('pauses_total', 'Times a socket was not read further', ['cause']),
    refused: counter('refused_total', 'Connections and sign-ins refused by a limit', ['limit']),
    strayOutputs: counter('stray_outputs_total', 'Envelopes for connections that are gone'),
    lostDrops: counter('lost_drops_total', 'Drop records that found no place in the queue'),
    rollFaults: counter('roll_faults_total', 'Binds refused because the session could not be written into the roll'),
    lostDelistings: counter('lost_delistings_total', 'Ended sessions left in the roll until the pod ends'),
    sweptSessions: counter('swept_sessions_total', 'Sessions of dead pods ended'),
    sweptRolls: counter('swept_rolls_total', 'Rolls of dead pods emptied'),
    expiredSessions: counter('expired_sessions_total', 'Hibernations whose time was over'),
    sweepFaults: counter('sweep_faults_total', 'Rounds of sweeping that could not be finished'),
    smFaults: counter('sm_faults_total', 'Deliveries without a number, repeated, or behind a gap', ['fault']),
    resumptions: counter('resumptions_total', 'Former sessions asked for', ['outcome']),
    losses: counter('presence_losses_total', 'Times that presence had forgotten this pod'),
    reassertions: counter('reassertions_total', 'Sessions told anew after presence had forgotten them'),
    unrestored: counter('unrestored_deliveries_total', 'Unacknowledged deliveries of connections that ended forgotten'),
    lostTrims: counter('lost_trims_total', 'Acknowledgements that presence was not told of'),
    bugs: counter('bugs_total', 'Exceptions caught at the edge'),
  }
}
