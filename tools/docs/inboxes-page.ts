import { type InboxName, inboxes, inboxNames } from '@starling/wire'
import { smallInboxes } from '../cluster/layout.ts'

/** Who reads and writes each inbox, for people; the keys and counts come from the table. */
const traffic: Readonly<
  Record<InboxName, { readonly readBy: string; readonly writtenBy: string; readonly holds: string }>
> = {
  session: {
    readBy: 'session (group `starling.session`)',
    writtenBy: 'connection-manager, session, storage',
    holds: '`bind`, `client`, `drop`, `reassert`; `account`, `cast` (probes); `loaded`, `accountChanged`',
  },
  routing: {
    readBy: 'routing (group `starling.routing`), storage (group `starling.storage`)',
    writtenBy: 'session, routing, storage, connection-manager (`recount`, `podDied`)',
    holds: '`deliver`, `cast`, `sent`, `state`, `recount`, `podDied`, `request` (archive queries)',
  },
  storage: {
    readBy: 'storage (group `starling.storage`)',
    writtenBy: 'connection-manager, gateway, session, routing',
    holds: '`write`, `ask`, `request`, `offline`, `flush`',
  },
  pod: {
    readBy: 'the pod that leases the slot, without a group',
    writtenBy: 'routing, storage, the pod itself (`lease`)',
    holds: '`output`, `bound`, `signal`, `close`, `answer`, `lease`',
  },
}

/** The page of topics. */
export function inboxesPage(): string {
  const rows = inboxNames.map((name) => {
    const { topic, key, partitions, retentionHours } = inboxes[name]
    const { readBy, writtenBy, holds } = traffic[name]
    return `| ${[name, `\`${topic}\``, key, partitions, `${retentionHours} h`, writtenBy, readBy, holds].join(' | ')} |`
  })
  return [
    '# Inboxes',
    '',
    'Written by `npm run docs` from `packages/wire/src/inboxes.ts`. A deploy step makes the topics; nothing makes or deletes one at',
    'run time. The partition counts are what the deploy step makes when nothing else is said; afterwards they never change in',
    'place: a change is a new version of the topic’s name.',
    '',
    '| inbox | topic | key | partitions | kept | written by | read by | envelopes |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `\`npm run cluster\`, docker-compose.yml and the dev overlay make ${smallInboxes.partitions} partitions and ${smallInboxes.slots} slots: they have one or two pods of each stage on one`,
    'machine, and few partitions fill their records (measured: 4 instead of 8 save a quarter of the CPU under full load; docs/benchmarks.md).',
    'Production begins with 64, because the number cannot grow in place and no stage has more pods at work than partitions. A cluster that was made',
    'with another number keeps it: say so by `STARLING_LOG_PARTITIONS`, or begin anew.',
    '',
    'A record holds many envelopes (`packages/wire/src/record.ts`); each is described in `packages/wire/src/envelope.ts`.',
    '',
  ].join('\n')
}
