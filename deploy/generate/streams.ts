import type { Contract } from '@jangada/hop/hop.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { checkpoints, core, keyRing, limitStream, snapshotStream } from '@jangada/proto/envelope.ts';
import { filterOf, type Message, scheduleOf, streamOf } from '@jangada/proto/message.ts';
import { reply } from '@jangada/proto/reply.ts';
import { ackWaitMs } from '@jangada/runtime/consume.ts';
import { deadStream } from '@jangada/runtime/dead-letters.ts';
import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream';
import { consumersOf, heardBy } from '../topology.ts';

/** A stream as the provisioner makes it; how often it is replicated is decided where it runs. */
export type Stream = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects' | 'description'>;

/** A consumer and the stream it reads. */
export interface Consumer {
  readonly stream: string;
  readonly config: Partial<ConsumerConfig> & { readonly durable_name: string };
}

const seconds = (count: number): number => count * 1e9;
const days = (count: number): number => seconds(count * 86_400);
const mebibytes = (count: number): number => count * 1024 ** 2;

const ofKind = (kind: Message['kind']): Message[] => messages.filter((message) => message.kind === kind);

/**
 * The streams, from the catalogue. Only SCHED takes schedules, and so roll-up: whoever may write there could wipe
 * it, which is why nothing else is in it. In all others nobody but age removes a message.
 */
export const streams = (): readonly Stream[] => {
  const common = {
    storage: 'file',
    duplicate_window: seconds(120),
    max_msg_size: mebibytes(1),
    allow_msg_schedules: false,
    allow_msg_ttl: false,
    allow_rollup_hdrs: false,
  } as const;
  // What happened is removed by its age alone. Once set, the broker lets nobody take it back.
  const kept = { deny_delete: true, deny_purge: true } as const;
  // One subject tree per noun, so that a new fact of a run needs no new subject.
  const trees = new Set(ofKind('fact').map(({ name }) => `${name.split('.')[0]}.*.*.*`));
  return [
    {
      name: streamOf.intake,
      description: 'Requests that wait to be admitted. A tenant that floods is refused alone.',
      subjects: ofKind('intake').map(filterOf),
      ...common,
      retention: 'workqueue',
      discard: 'new',
      discard_new_per_subject: true,
      max_msgs_per_subject: 512,
      max_msgs: 20_000,
      max_bytes: mebibytes(256),
      max_msg_size: 256 * 1024,
    },
    {
      name: streamOf.fact,
      description: 'What happened, one message per fact and run, kept long enough to be read again.',
      subjects: [...trees],
      ...common,
      retention: 'limits',
      discard: 'new',
      max_age: days(1),
      max_bytes: mebibytes(2_048),
      allow_direct: true,
      ...kept,
    },
    {
      name: streamOf.reply,
      description:
        'What the person who asked is told, one subject per run, and live to every edge; and what they asked, one per conversation.',
      subjects: ofKind('reply').map(filterOf),
      ...common,
      retention: 'limits',
      discard: 'old',
      max_age: days(1),
      max_bytes: mebibytes(2_048),
      allow_direct: true,
      republish: { src: filterOf(reply), dest: 'live.{{wildcard(1)}}.{{wildcard(2)}}' },
      ...kept,
    },
    {
      name: streamOf.event,
      description:
        'What aggregates came to, in order and for good: all that follows from it can be made again. Several are changed together or not at all.',
      subjects: ofKind('event').map(filterOf),
      ...common,
      retention: 'limits',
      discard: 'new',
      max_bytes: mebibytes(4_096),
      max_msg_size: 64 * 1024,
      allow_direct: true,
      allow_atomic: true,
      ...kept,
    },
    {
      name: snapshotStream,
      description:
        'What aggregates with many events had come to, the last of each; made again where it is lost.',
      subjects: [core.snapshot('*', '*', '*')],
      ...common,
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      max_bytes: mebibytes(256),
      allow_direct: true,
    },
    {
      name: streamOf.tick,
      description: 'Schedules, and the moments they announce.',
      subjects: ['sched.>', 'tick.>'],
      ...common,
      retention: 'workqueue',
      // A full stream of schedules forgets the oldest, and the broker allows no other way; each booking has one while something is
      // due of it, and this is room for about two million.
      discard: 'old',
      max_bytes: mebibytes(1_024),
      allow_direct: true,
      allow_msg_schedules: true,
      allow_msg_ttl: true,
      allow_rollup_hdrs: true,
    },
    {
      name: deadStream,
      description: 'Messages that could not be processed, with the reason, until somebody has seen to them.',
      subjects: ['dead.*.*.*'],
      ...common,
      retention: 'limits',
      discard: 'old',
      max_age: days(30),
      max_bytes: mebibytes(1_024),
      allow_direct: true,
    },
    {
      name: limitStream,
      description: 'Figures of limits that an operator has set, the last of each, live to all who count.',
      subjects: [core.limit('*', '*')],
      ...common,
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      max_msgs: 10_000,
      max_msg_size: 1_024,
      allow_direct: true,
      republish: { src: core.limit('*', '*'), dest: core.limitSet('{{wildcard(1)}}', '{{wildcard(2)}}') },
    },
    {
      name: checkpoints.stream,
      description: 'How far the chains of the audit trail had come, signed; for whoever keeps it elsewhere.',
      subjects: [checkpoints.subject],
      ...common,
      retention: 'limits',
      discard: 'old',
      max_age: days(7),
      max_bytes: mebibytes(512),
      max_msg_size: 8 * 1024,
      allow_direct: true,
      ...kept,
    },
    {
      name: keyRing.stream,
      description:
        'The bucket KEYS with one entry, the signed key ring, told to every service when it changes.',
      subjects: [keyRing.bucket],
      ...common,
      retention: 'limits',
      discard: 'new',
      max_bytes: mebibytes(16),
      max_msg_size: 64 * 1024,
      allow_direct: true,
      ...kept,
      republish: { src: keyRing.subject, dest: keyRing.live },
    },
  ] as Stream[];
};

/** One durable pull consumer for each service and stream that it hears anything of. */
export const consumers = (contracts: readonly Contract[]): readonly Consumer[] =>
  contracts.flatMap((contract) => {
    const { concurrent, waiting } = contract.policy;
    return consumersOf(contract).map(({ stream, durable }) => ({
      stream,
      config: {
        durable_name: durable,
        filter_subjects: heardBy(contract)
          .filter(({ kind }) => streamOf[kind] === stream)
          .map(filterOf),
        deliver_policy: 'all',
        ack_policy: 'explicit',
        ack_wait: ackWaitMs * 1e6,
        // The runtime buries what kills its handler; a limit here would only make it vanish.
        max_deliver: -1,
        max_ack_pending: concurrent + waiting,
      } as Consumer['config'],
    }));
  });

/** Where each schedule lives, for those who hear what it fires. */
export const schedulesOf = (contract: Contract): readonly string[] =>
  heardBy(contract)
    .filter((message) => message.kind === 'tick')
    .map((message) => scheduleOf(message, '*', '*'));
