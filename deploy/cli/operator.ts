import { randomUUID } from 'node:crypto';
import { trustAuthority } from '@jangada/config/authority.ts';
import { readConfig } from '@jangada/config/config.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, subjectOf } from '@jangada/proto/message.ts';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { AuthorizationError, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { connectAs } from '../broker.ts';
import { type Local, readLocal } from '../local.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';

/** The operator at the broker: may read streams, ask for status, publish ticks and replay dead letters. */
export interface Operator extends AsyncDisposable {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
}

type Broker = Pick<Local, 'natsUrl' | 'operatorSeed'>;

/** Together below 3 s: whoever types a command learns soon that the broker is gone. */
const connectMs = 2_000;

/** @throws NotRunning, Failure when the broker does not answer or refuses the operator */
export const openOperator = async (
  local: Broker = readLocal(['natsUrl', 'operatorSeed']),
): Promise<Operator> => {
  trustAuthority(readConfig(['TLS_CA']).TLS_CA);
  const nc = await connectTo(local);
  return {
    nc,
    jsm: await jetstreamManager(nc, { checkAPI: false, timeout: connectMs }),
    [Symbol.asyncDispose]: () => nc.close(),
  };
};

const connectTo = async ({ natsUrl, operatorSeed }: Broker): Promise<NatsConnection> => {
  try {
    return await connectAs(natsUrl, { name: 'operator', seed: operatorSeed, timeoutMs: connectMs });
  } catch (error) {
    const next =
      error instanceof AuthorizationError
        ? 'it does not know the operator: restart the system with `npm start`'
        : 'start the system with `npm start`, or set NATS_URL to where it runs';
    throw new Failure(
      `no connection to the broker at ${natsUrl} (${messageOf(error)}); ${next}`,
      exitCodes.unreachable,
      error,
    );
  }
};

/** Audit hears it. @throws what the broker says */
export const say = async <M extends Message>(
  { nc }: Operator,
  message: M,
  tenant: string,
  body: Body<M>,
  id: string = randomUUID(),
): Promise<void> => {
  const sent = newHeaders();
  sent.set(headers.schema, String(message.version));
  sent.set(headers.expectedSequence, '0');
  const subject = subjectOf(message, tenant, id);
  await jetstream(nc, { timeout: 2_000 }).publish(subject, JSON.stringify(body), { headers: sent });
};
