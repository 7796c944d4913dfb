import { changed, statusAfter } from '@jangada/proto/booking.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, partsOf, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { followed } from '@jangada/proto/saga.ts';
import { eventIn } from '@jangada/runtime/events.ts';
import { allOf, sequenceOf } from '@jangada/runtime/stored.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';

/** What happened to a booking and what followed from it, as its events say it in clear: neither of whom it is nor when. */

export interface Line {
  /** Place in the stream. */
  readonly sequence: number;
  readonly at: string;
  readonly tenant: string;
  /** What the booking came to, or the step that was taken. */
  readonly what: Body<typeof changed>['type'] | Step['step'] | Undone['type'];
  /** The version of the booking that it is, or that it follows from. */
  readonly version: number;
  /** How a step ended, or why the booking was undone. */
  readonly outcome?: Step['outcome'] | Undone['reason'];
}

type Step = Extract<Body<typeof followed>, { type: 'StepTaken' }>;
type Undone = Extract<Body<typeof followed>, { type: 'AppointmentSchedulingFailed' }>;
type Said = Omit<Line, 'sequence' | 'tenant'>;

/** In the order in which it was stored; nothing of a booking that is not there. `tenant` may be `*`. @throws Unavailable, Unprocessable */
export const storyOf = async (
  nc: NatsConnection,
  of: { readonly tenant: string; readonly id: string },
): Promise<readonly Line[]> => {
  const lines = await Promise.all([
    read(nc, changed, of, ({ type, version, at }) => ({ at, what: type, version })),
    read(nc, followed, of, stepOf),
  ]);
  return lines.flat().toSorted((one, other) => one.sequence - other.sequence);
};

/** Whether it followed from the booking, and is not what happened to it. */
export const isStep = ({ what }: Line): boolean => !Object.hasOwn(statusAfter, what);

const stepOf = (body: Body<typeof followed>): Said => {
  const { at, of: version } = body;
  return body.type === 'StepTaken'
    ? { at, what: body.step, version, outcome: body.outcome }
    : { at, what: body.type, version, outcome: body.reason };
};

const read = async <M extends Message>(
  nc: NatsConnection,
  message: M,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  said: (body: Body<M>) => Said,
): Promise<Line[]> => {
  const lines: Line[] = [];
  for await (const raw of allOf(nc, subjectOf(message, tenant, id), { stream: streamOf.event })) {
    // What no service said is no event; the broker stores its acknowledgements wherever a reply subject points.
    if (!raw.headers?.has(headers.schema)) continue;
    lines.push({ sequence: sequenceOf(raw), tenant: tenantOf(message, raw), ...said(eventIn(message, raw)) });
  }
  return lines;
};

const tenantOf = (message: Message, raw: Msg): string =>
  partsOf(message, raw.headers?.get('Nats-Subject') ?? '')?.tenant ?? '';
