import * as access from '@jangada/proto/access.ts';
import * as alert from '@jangada/proto/alert.ts';
import * as auth from '@jangada/proto/auth.ts';
import * as command from '@jangada/proto/command.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import * as keys from '@jangada/proto/keys.ts';
import { replayed } from '@jangada/proto/letter.ts';
import type { Head, Message } from '@jangada/proto/message.ts';
import * as privacy from '@jangada/proto/privacy.ts';
import { planned, swept } from '@jangada/proto/retention.ts';
import * as run from '@jangada/proto/run.ts';
import { ended } from '@jangada/proto/saga.ts';
import type { Entry } from './handler.ts';

export type Meaning = Pick<Entry, 'decision' | 'code' | 'resource' | 'details'>;

const meaning = (decision: Entry['decision'], rest: Partial<Meaning> = {}): Meaning => ({
  decision,
  code: null,
  resource: null,
  details: {},
  ...rest,
});
const done = (resource: string | null, details: Meaning['details'] = {}): Meaning =>
  meaning('done', { resource, details });

type Telling = readonly [message: Message, tell: (head: Head<Message>) => Meaning];

/** What an entry says of each of these messages. */
const said = <M extends Message>(messages: M | readonly M[], tell: (head: Head<M>) => Meaning): Telling[] =>
  [messages].flat().map((message) => [message as M, tell as Telling[1]]);

/** What stands in a head without who did it, which has a column of its own. */
const withoutActor = <H extends object>(head: H): Omit<H, 'actor' | 'from'> => {
  const { actor: _actor, from: _from, ...details } = head as H & { actor?: string; from?: string };
  return details;
};

const meanings: ReadonlyMap<Message, Telling[1]> = new Map([
  ...said([run.understood, run.permitted], (head) => {
    const { intent, source, ask, fields, joins, decision, answers } = head as Head<typeof run.understood> &
      Head<typeof run.permitted>;
    return meaning('allowed', {
      resource: source,
      details: { intent, ask, fields, joins, decision, answers },
    });
  }),
  ...said([run.found, run.fetched], (head) => {
    const { source, ask, fields, rows, cached, asOf, tier, topics, tools, people } = head as Head<
      typeof run.fetched
    >;
    return done(source, { ask, fields, rows, cached, asOf, tier, topics, tools, people });
  }),
  ...said(run.answered, ({ rows, cached, degraded, read, people, found }) => {
    const { source = null, ...what } = read ?? {};
    return done(source, { ...what, rows, cached, degraded, people, found });
  }),
  ...said(run.refused, ({ code, intent = null, decision, attack }) =>
    meaning('denied', { code, details: { intent, decision, attack } }),
  ),
  ...said(run.interrupted, ({ code, intent, decision, action, expiresAt }) =>
    meaning('denied', { code, details: { intent, decision, asked: action, until: expiresAt } }),
  ),
  ...said(run.failed, ({ code, hop }) => meaning('failed', { code, details: { hop } })),
  ...said(access.changed, ({ action, until = null }) => done('access', { action, until })),
  ...said(access.refused, ({ action, code }) =>
    meaning('denied', { code, resource: 'access', details: { action } }),
  ),
  ...said(command.done, ({ type: action, appointmentId, version }) =>
    done('agenda', { action, appointmentId, version }),
  ),
  ...said(command.refused, ({ type: action, code }) =>
    meaning('denied', { code, resource: 'agenda', details: { action } }),
  ),
  ...said(ended, ({ failed = null, ...details }) =>
    meaning(failed ? 'failed' : 'done', { resource: 'agenda', details: { ...details, failed } }),
  ),
  ...said(feedback.recorded, ({ run: about, rating }) => done('feedback', { run: about, rating })),
  ...said([privacy.moved, privacy.notified, privacy.late], (head) => done('privacy', head)),
  ...said([planned, swept], (head) => done('retention', head)),
  ...said([keys.rotated, keys.destroyed], (head) => done('keys', head)),
  ...said([auth.opened, auth.revoked, auth.changed], (head) => done('account', withoutActor(head))),
  ...said([auth.reused, auth.replayed, auth.locked], () => meaning('denied', { resource: 'account' })),
  ...said(auth.denied, ({ code }) => meaning('denied', { resource: 'account', code })),
  ...said(auth.viewed, ({ what, run: seen = null }) => done('trail', { what, run: seen })),
  ...said(alert.raised, (head) => done('reading', withoutActor(head))),
  ...said(replayed, (head) => done('message', withoutActor(head))),
]);

/** What an entry says of a message; of one that is not here, that it happened. */
export const meaningOf = (message: Message, head: Head<Message>): Meaning =>
  meanings.get(message)?.(head) ?? done(null);
