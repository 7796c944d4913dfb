import { core, limitStream } from '@jangada/proto/envelope.ts';
import type { Log } from '@jangada/telemetry/log.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Limits } from './limits.ts';
import { change } from './policies.ts';

/** Figures that an operator has set: read at the start, then live. */

/** What a lost message would have brought is found again after this long. */
const lookMs = 10_000;

/** Applies what is set, from now on until the connection closes. What cannot be read is left as it is declared. */
export const followChanges = async (
  nc: NatsConnection,
  limits: Pick<Limits, 'change'>,
  log: Log,
): Promise<void> => {
  const latest = new Map<string, number>();
  const apply = (subject: string, sequence: number, text: string): void => {
    const [, tenant, policy] = subject.split('.');
    if (!tenant || !policy || sequence <= (latest.get(subject) ?? 0)) return;
    latest.set(subject, sequence);
    try {
      limits.change(policy, tenant === '_' ? undefined : tenant, change.parse(JSON.parse(text)));
    } catch (error) {
      log.error({ operation: 'limits', ...faultFields(error) }, 'a set limit cannot be read');
    }
  };
  nc.subscribe(core.limitSet('*', '*'), {
    callback: (_error, message) => {
      const [, ...rest] = message.subject.split('.');
      apply(['limit', ...rest].join('.'), Number(message.headers?.get('Nats-Sequence')), message.string());
    },
  });
  const look = async (): Promise<void> => {
    try {
      const jsm = await jetstreamManager(nc, { checkAPI: false });
      const set = await jsm.direct.getLastMessagesFor(limitStream, { multi_last: [core.limit('*', '*')] });
      for await (const message of set) apply(message.subject, message.seq, message.string());
    } catch (error) {
      if (!isNone(error))
        log.warn({ operation: 'limits', ...faultFields(error) }, 'what is set of limits cannot be read yet');
    }
  };
  await look();
  const timer = setInterval(() => void look(), lookMs).unref();
  void nc.closed().then(() => clearInterval(timer));
};

/** The broker answers a batch that would be empty with 404. */
const isNone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 404;
