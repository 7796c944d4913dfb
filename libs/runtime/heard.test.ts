import { headers } from '@jangada/proto/envelope.ts';
import { due, idle } from '@jangada/proto/retention.ts';
import { due as follows } from '@jangada/proto/saga.ts';
import type { JsMsg } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { hear, type Trusted } from './heard.ts';

const trusted: Trusted = { readPass: () => expect.fail('there is no pass'), env: 'local' };
const heard = (subject: string, schedule?: string) => {
  const carried = newHeaders();
  carried.set(headers.schema, '1');
  if (schedule) carried.set('Nats-Scheduler', schedule);
  const info = { timestampNanos: 0, deliveryCount: 1 };
  return hear({ subject, headers: carried, seq: 1, info } as unknown as JsMsg, [due, idle, follows], trusted);
};

test('a tick is of the schedule of its own kind and tenant, or of none', () => {
  expect(heard('tick.retention.casa', 'sched.retention.casa').schedule).toBe('sched.retention.casa');
  expect(heard('tick.saga.casa', 'sched.saga.casa.one').schedule).toBe('sched.saga.casa.one');
  expect(heard('tick.retention.casa').schedule).toBeUndefined();
  for (const schedule of [
    'sched.retention.other',
    'sched.retention.casa.one',
    'sched.retention.casa-other',
    'sched.sessions.casa',
    'tick.retention.casa',
  ])
    expect(() => heard('tick.retention.casa', schedule)).toThrow(
      expect.objectContaining({ code: 'CTX_INVALID' }),
    );
});
