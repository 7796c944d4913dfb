import { hostname, networkInterfaces } from 'node:os';
import { Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import type { BreakerState } from './resilience.ts';

/** How an instance does, as the registry tells it beside who it is. */
export interface Answering {
  readonly ready: boolean;
  readonly breaker: BreakerState;
  readonly inFlight: number;
}

/** Where an instance says how it is, under its address. */
const healthPath = '/v1/health';

const everywhere = ['0.0.0.0', '::'];

/** Where others reach this machine. Its address before its name: in a cluster nobody else knows the name. */
const reachable = (): string => {
  const outer = Object.values(networkInterfaces()).flatMap(
    (all) => all?.filter(({ internal }) => !internal) ?? [],
  );
  return (outer.find(({ family }) => family === 'IPv4') ?? outer[0])?.address ?? hostname();
};

/**
 * Has an instance answer where services of NATS are looked for, as long as its connection lives. The broker keeps no list: who is
 * there is who answers, so nothing has to be taken out of a list when a process dies.
 */
export const register = async (
  nc: NatsConnection,
  about: {
    readonly name: string;
    /** Of the release, as semver. */
    readonly version: string;
    /** Where its health is, as it was set: one that stands for all addresses of a machine is told as the one that others reach. */
    readonly host: string;
    readonly port: string;
    /** Its share of calls beside the other instances of its service. */
    readonly weight: number;
    readonly doing: () => Promise<Answering>;
    /** Where everybody is asked at once how they are. */
    readonly status: { readonly subject: string; readonly answer: () => Promise<string> };
  },
): Promise<void> => {
  const service = await new Svcm(nc).add({
    name: about.name,
    version: about.version,
    // No queue: whoever asks wants to hear every instance, and not one of them.
    queue: '',
    metadata: {
      host: everywhere.includes(about.host) ? reachable() : about.host,
      port: about.port,
      health: healthPath,
      weight: String(about.weight),
    },
    statsHandler: about.doing,
  });
  service.addEndpoint('status', {
    subject: about.status.subject,
    handler: (_error, message) => {
      // A reply goes to whoever waits for one, and never to a subject that means something.
      if (message.reply?.startsWith('_INBOX_'))
        about.status.answer().then(
          (answer) => message.respond(answer),
          // Who asks while this goes is answered by nobody.
          () => undefined,
        );
    },
  });
};
