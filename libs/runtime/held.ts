import { type Body, subjectOf } from '@jangada/proto/message.ts';
import { interrupted, understood } from '@jangada/proto/run.ts';
import type { Bodies, Place } from '@jangada/trust/body.ts';
import { parsed } from './heard.ts';

/** A question that waits in PostgreSQL for an answer, sealed as it was in its message: nobody else reads it there either. */

interface Run {
  readonly tenant: string;
  readonly id: string;
}

type Held = Body<typeof understood>;

const placeOf = ({ tenant, id }: Run): Place => ({
  subject: subjectOf(interrupted, tenant, id),
  tenant,
  id,
  message: `held ${understood.name}`,
  version: String(understood.version),
  head: '',
});

export const held = (bodies: Bodies, run: Run, asked: Held): Buffer =>
  Buffer.from(bodies.seal(placeOf(run), JSON.stringify(asked)));

/** @throws Unprocessable CTX_PAYLOAD_MISMATCH for what does not belong to the run; CRYPTO_KEY_RETIRED, MSG_POISON */
export const heldOf = (bodies: Bodies, run: Run, sealed: Uint8Array): Held =>
  parsed(
    understood.body,
    bodies.open(placeOf(run), sealed).toString(),
    'what is held does not match what was asked',
  ) as Held;
