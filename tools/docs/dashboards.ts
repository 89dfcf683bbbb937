import type { Dashboard, Panel } from './dashboard.ts'

const here = 'namespace="$namespace"'

function panel(title: string, unit: string, help: string, ...lines: readonly (readonly [string, string])[]): Panel {
  return { title, unit, help, lines: lines.map(([expr, legend]) => ({ expr, legend })) }
}

/** Events a second of a counter, by labels. */
function rate(metric: string, by: string, more = ''): string {
  return `sum by (${by}) (rate(${metric}{${here}${more}}[$__rate_interval]))`
}

function quantile(share: number, metric: string, by: string): string {
  return `histogram_quantile(${share}, sum by (le, ${by}) (rate(${metric}_bucket{${here}}[$__rate_interval])))`
}

/** Of all pods together. */
function total(share: number, metric: string): string {
  return `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{${here}}[$__rate_interval])))`
}

const traffic: Dashboard = {
  uid: 'starling-traffic',
  title: 'Starling: traffic',
  rows: [
    {
      title: 'Clients',
      panels: [
        panel('Connections', 'short', 'Open connections, by transport.', [
          `sum by (transport) (starling_c2s_connections{${here}})`,
          '{{transport}}',
        ]),
        panel('Sign-ins', 'ops', 'Accounts signed in, by mechanism.', [
          rate('starling_c2s_sign_ins_total', 'mechanism'),
          '{{mechanism}}',
        ]),
        panel('Failed sign-ins', 'ops', 'By condition: not-authorized is a wrong password.', [
          rate('starling_c2s_sign_in_failures_total', 'condition'),
          '{{condition}}',
        ]),
        panel('Connections accepted', 'ops', 'New sockets.', [
          rate('starling_c2s_connections_total', 'transport'),
          '{{transport}}',
        ]),
        panel('Connections ended', 'ops', 'Why they ended.', [
          rate('starling_c2s_connections_ended_total', 'reason'),
          '{{reason}}',
        ]),
        panel('Resumptions', 'ops', 'Clients that took up their former session, or were refused.', [
          rate('starling_c2s_resumptions_total', 'outcome'),
          '{{outcome}}',
        ]),
      ],
    },
    {
      title: 'Stanzas',
      panels: [
        panel(
          'Stanzas',
          'ops',
          'From and to clients.',
          [`sum(rate(starling_c2s_stanzas_in_total{${here}}[$__rate_interval]))`, 'in'],
          [`sum(rate(starling_c2s_stanzas_out_total{${here}}[$__rate_interval]))`, 'out'],
        ),
        panel(
          'Bytes',
          'Bps',
          'From and to clients, after TLS.',
          [`sum(rate(starling_c2s_in_bytes_total{${here}}[$__rate_interval]))`, 'in'],
          [`sum(rate(starling_c2s_out_bytes_total{${here}}[$__rate_interval]))`, 'out'],
        ),
        panel('Archived', 'ops', 'Messages archived, one a side.', [
          `sum(rate(starling_archived_total{${here}}[$__rate_interval]))`,
          'messages',
        ]),
        panel('Envelopes', 'ops', 'Handled, by stage and inbox.', [
          rate('starling_envelopes_total', 'stage, inbox'),
          '{{stage}} ← {{inbox}}',
        ]),
        panel('Routing publishes', 'ops', 'Envelopes, by the inbox they go to.', [
          rate('starling_routing_outputs_total', 'to'),
          'to {{to}}',
        ]),
        panel('Storage works', 'ops', 'Requests, questions and writes.', [
          rate('starling_storage_chains_total', 'kind'),
          '{{kind}}',
        ]),
      ],
    },
    {
      title: 'Errors',
      panels: [
        panel('Stream errors', 'ops', 'Sent to clients, by condition.', [
          rate('starling_c2s_stream_errors_total', 'condition'),
          '{{condition}}',
        ]),
        panel('Refused by a limit', 'ops', 'Connections and sign-ins.', [
          rate('starling_c2s_refused_total', 'limit'),
          '{{limit}}',
        ]),
        panel('Bugs caught', 'ops', 'Exceptions that were caught at the edge; each is in the log.', [
          `sum by (component) (rate({__name__=~"starling_(c2s|routing|storage)_bugs_total",${here}}[$__rate_interval]))`,
          '{{component}}',
        ]),
        panel('Batches tried again', 'ops', 'And those given up.', [
          rate('starling_batch_failures_total', 'stage'),
          '{{stage}}',
        ]),
        panel('Duplicates dropped', 'ops', 'What was written twice and handled once: repetitions after a failure.', [
          rate('starling_duplicates_total', 'stage'),
          '{{stage}}',
        ]),
        panel('Deliveries out of step', 'ops', 'Uncounted, repeated, or behind a gap.', [
          rate('starling_c2s_sm_faults_total', 'fault'),
          '{{fault}}',
        ]),
      ],
    },
  ],
}

const latency: Dashboard = {
  uid: 'starling-latency',
  title: 'Starling: latency and lag',
  rows: [
    {
      title: 'From one client to another',
      panels: [
        panel(
          'Delivery',
          's',
          'From a stanza being read to what it brought being written; what was kept in between is left out. The alert StarlingDeliverySlow is at 3 s.',
          ...([0.5, 0.9, 0.99, 0.999] as const).map(
            (share) => [total(share, 'starling_delivery_seconds'), `${share * 100} of 100`] as const,
          ),
        ),
        panel('Deliveries', 'ops', 'Stanzas written that came live.', [
          `sum(rate(starling_delivery_seconds_count{${here}}[$__rate_interval]))`,
          'stanzas',
        ]),
        panel('Delivery, 99 of 100, by pod', 's', 'One pod alone: its event loop, its clock, or its machine.', [
          quantile(0.99, 'starling_delivery_seconds', 'pod'),
          '{{pod}}',
        ]),
      ],
    },
    {
      title: 'Hops: from the writer giving a record to the log until its reader takes it up',
      panels: [
        panel('Hop, median', 's', 'By reader and inbox.', [
          quantile(0.5, 'starling_hop_seconds', 'stage, inbox'),
          '{{stage}} ← {{inbox}}',
        ]),
        panel('Hop, 99 of 100', 's', 'The alert StarlingHopSlow is at 2 s.', [
          quantile(0.99, 'starling_hop_seconds', 'stage, inbox'),
          '{{stage}} ← {{inbox}}',
        ]),
        panel('Work, 99 of 100', 's', 'From a batch being read to its commit being due.', [
          quantile(0.99, 'starling_batch_seconds', 'stage, inbox'),
          '{{stage}} ← {{inbox}}',
        ]),
      ],
    },
    {
      title: 'Lag',
      panels: [
        panel('Lag', 'short', 'Records that a group has not handled (Kafka Exporter).', [
          `sum by (consumergroup, topic) (kafka_consumergroup_lag{${here},consumergroup=~"starling[.].*"})`,
          '{{consumergroup}} ← {{topic}}',
        ]),
        panel(
          'Largest lag of a partition',
          'short',
          'One that stands out has a poisoned record or one very busy account.',
          [`topk(5, kafka_consumergroup_lag{${here},consumergroup=~"starling[.].*"})`, '{{topic}}/{{partition}}'],
        ),
        panel('Records a second', 'ops', 'Batches handled, by stage.', [
          rate('starling_batch_seconds_count', 'stage'),
          '{{stage}}',
        ]),
      ],
    },
  ],
}

const saturation: Dashboard = {
  uid: 'starling-saturation',
  title: 'Starling: saturation',
  rows: [
    {
      title: 'Pods',
      panels: [
        panel('Ready', 'short', 'Pods that can serve.', [
          `sum by (component) (starling_ready{${here}})`,
          '{{component}}',
        ]),
        panel('CPU', 'percentunit', 'Of one core, the most a main thread can have.', [
          `max by (component, pod) (rate(process_cpu_seconds_total{${here},job="starling"}[$__rate_interval]))`,
          '{{pod}}',
        ]),
        panel('Event loop, 99 of 100', 's', 'How late the process is.', [
          `max by (pod) (nodejs_eventloop_lag_p99_seconds{${here},job="starling"})`,
          '{{pod}}',
        ]),
        panel('Memory', 'bytes', 'Resident.', [
          `max by (pod) (process_resident_memory_bytes{${here},job="starling"})`,
          '{{pod}}',
        ]),
        panel('JavaScript heap', 'bytes', 'In use.', [
          `max by (pod) (nodejs_heap_size_used_bytes{${here},job="starling"})`,
          '{{pod}}',
        ]),
        panel('Connections a pod', 'short', 'The autoscaler aims at 20,000.', [
          `sum by (pod) (starling_c2s_connections{${here}})`,
          '{{pod}}',
        ]),
      ],
    },
    {
      title: 'Queues',
      panels: [
        panel('Not acknowledged by Kafka', 'bytes', 'At 64 MiB a process takes no more.', [
          `max by (pod) (starling_log_pending_bytes{${here}})`,
          '{{pod}}',
        ]),
        panel(
          'Waiting at the door',
          'short',
          'Sockets and sign-ins that wait for their turn.',
          [`sum(starling_c2s_waiting_sockets{${here}})`, 'sockets'],
          [`sum(starling_c2s_waiting_logins{${here}})`, 'sign-ins'],
        ),
        panel('Sockets not read', 'short', 'For a rate, or because the log is behind.', [
          `sum(starling_c2s_paused_connections{${here}})`,
          'paused',
        ]),
        panel('Pauses', 'ops', 'Why sockets are not read.', [rate('starling_c2s_pauses_total', 'cause'), '{{cause}}']),
        panel(
          'Not yet told',
          'short',
          'Drops the log does not hold, changes of the roll and acknowledgements that Redis does not hold.',
          [`sum(starling_c2s_waiting_drops{${here}})`, 'drops'],
          [`sum(starling_c2s_waiting_roll_changes{${here}})`, 'roll'],
          [`sum(starling_c2s_waiting_trims{${here}})`, 'acknowledgements'],
        ),
        panel('Dead pods not swept', 'short', 'Their sessions still show as online.', [
          `max(starling_c2s_dead_pods{${here}})`,
          'pods',
        ]),
        panel(
          'Spans of traces',
          'ops',
          'Sent, dropped for want of room, refused by the collector; none where tracing is off.',
          [rate('starling_trace_spans_total', 'fate'), '{{fate}}'],
        ),
      ],
    },
  ],
}

/** The dashboards, by the name of their file. */
export const dashboards: Readonly<Record<string, Dashboard>> = { traffic, latency, saturation }
