import type { Contract } from '@jangada/hop/hop.ts';
import { agenda } from '@jangada/proto/booking.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import {
  checkpoints,
  core,
  keyRing,
  limitStream,
  registryVerbs,
  snapshotStream,
} from '@jangada/proto/envelope.ts';
import { goesOn } from '@jangada/proto/letter.ts';
import { filterOf, type Message, streamOf } from '@jangada/proto/message.ts';
import { deadStream } from '@jangada/runtime/dead-letters.ts';
import { consumersOf, heardBy, saidBy } from '../topology.ts';
import { schedulesOf } from './streams.ts';

/** What one user may do at the broker. All else is denied. */
export interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Users beside the services. */
export const people = ['operator', 'provisioner'] as const;

const inbox = (name: string): string => `_INBOX_${name}.>`;
/** Reads one message of a stream, or several, or the last of a subject. */
const directGet = (stream: string): string[] => [
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
];

/** A dead letter that was sent back on its way is taken out. */
const deleteDead = `$JS.API.STREAM.MSG.DELETE.${deadStream}`;

/** Who sends letters on their way has no key of bodies, and what it sends is believed by its pass alone. */
const sendingAgain = [...messages.filter(goesOn).map(filterOf), ...directGet(deadStream), deleteDead];

/** Asked for everybody, for all instances of a service, or for one. */
const registered = (name: string): string[] =>
  registryVerbs.flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.*`]);

/** Tells how much waits for a service, and nothing of what it is. */
const infoOfConsumers = (contract: Contract): string[] =>
  consumersOf(contract).map(({ stream, durable }) => `$JS.API.CONSUMER.INFO.${stream}.${durable}`);

/** How full it is, and nothing of what is in it. */
const infoOfSchedules = `$JS.API.STREAM.INFO.${streamOf.tick}`;

/**
 * The rights of a service, from its contract alone.
 *
 * Answers to `status` may go to the inboxes of those who ask and nowhere else. The broker's own `allow_responses`
 * would let the one who asks name any reply subject and so make another service write there in its stead.
 */
export const rightsOf = (contract: Contract, contracts: readonly Contract[]): Rights => {
  const borders = contracts.filter(({ kind }) => kind === 'border').map(({ name }) => name);
  const { name } = contract;
  const from = consumersOf(contract);
  const isHop = contract.kind === 'hop';
  const isBorder = contract.kind === 'border';
  const follows: readonly Message[] = contract.kind === 'hop' ? [] : contract.follows;
  const schedules = schedulesOf(contract);
  const limits = contract.kind !== 'sink' && contract.limits;
  return {
    publish: [
      ...saidBy(contract).map(filterOf),
      // What stands already where a fact of its own is to be.
      ...saidBy(contract)
        .filter(({ kind }) => kind === 'fact')
        .map((message) => `$JS.API.DIRECT.GET.${streamOf[message.kind]}.${filterOf(message)}`),
      ...(from.length > 0 ? [core.dead(name, '*', '*'), ...infoOfConsumers(contract)] : []),
      ...from.flatMap(({ stream }) => [
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
        `$JS.ACK.${stream}.${name}.>`,
      ]),
      ...(isHop ? contracts.filter((other) => other.name in contract.spares).flatMap(infoOfConsumers) : []),
      // What it appends to it reads again.
      ...(isHop && contract.appends.length > 0
        ? [
            ...contract.appends.map(({ name: of }) => core.snapshot(of.slice('event.'.length), '*', '*')),
            ...directGet(streamOf.event),
            ...directGet(snapshotStream),
          ]
        : []),
      // A hop that tells in pieces looks up what it told before it died.
      ...(isHop && contract.tells ? directGet(streamOf.reply) : []),
      ...[...new Set(follows.map(({ kind }) => streamOf[kind]))].flatMap(directGet),
      // Who shows an agenda begins at what its events came to.
      ...(isBorder && follows.includes(agenda) ? directGet(snapshotStream) : []),
      ...(isBorder ? [core.cancel('*', '*'), core.status] : []),
      ...(isBorder || 'sessions' in contract.writes ? [core.ended('*', '*')] : []),
      ...(isBorder && contract.watches
        ? [...contracts.flatMap(infoOfConsumers), core.letters('list', '*'), core.letters('replay', '*')]
        : []),
      ...(contract.kind === 'sink' && contract.replays ? sendingAgain : []),
      ...(contract.kind === 'sink' && contract.erases ? [core.keysChanged('*'), core.changed('*')] : []),
      ...(contract.kind === 'sink' && contract.seals ? [checkpoints.subject] : []),
      ...(limits ? directGet(limitStream) : []),
      ...(schedules.length > 0 ? [...schedules, ...directGet(streamOf.tick), infoOfSchedules] : []),
      keyRing.get,
      ...['operator', ...borders].map(inbox),
    ],
    subscribe: [
      inbox(name),
      core.status,
      // It answers for itself, and for no other service.
      ...registered(name),
      keyRing.live,
      // What a sink keeps is not stopped.
      ...(contract.kind === 'sink' ? [] : [core.cancel('*', '*')]),
      // Whoever reads under a grant may keep granted rows for a while, and must forget them when they change.
      ...(isHop && contract.packTables.includes('sources') ? [core.changed('*')] : []),
      ...(contract.kind === 'sink' && contract.replays ? [core.letters('*', '*')] : []),
      ...(limits ? [core.limitSet('*', '*')] : []),
      ...(isBorder ? [core.ended('*', '*')] : []),
      ...(contract.reads.includes('subject_keys') || 'subject_keys' in contract.writes
        ? [core.keysChanged('*')]
        : []),
      ...(isBorder && follows.some(({ kind }) => kind === 'reply') ? [core.live('*', '*')] : []),
    ],
  };
};

/** The operator reads everything, asks who is there, stops runs, ends sessions, tells caches to forget, sets limits and sends dead letters back on their way. */
const operatorRights = (contracts: readonly Contract[]): Rights => ({
  publish: [
    core.status,
    ...registryVerbs.flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.>`]),
    core.cancel('*', '*'),
    core.changed('*'),
    core.ended('*', '*'),
    core.limit('*', '*'),
    core.keysChanged('*'),
    ...new Set(contracts.flatMap(heardBy).map(filterOf)),
    // Services believe only what the root signed, and an operator need not hold the root.
    keyRing.subject,
    '$JS.API.INFO',
    '$JS.API.STREAM.NAMES',
    '$JS.API.STREAM.LIST',
    '$JS.API.STREAM.INFO.*',
    '$JS.API.STREAM.MSG.GET.*',
    deleteDead,
    '$JS.API.DIRECT.GET.>',
    '$JS.API.CONSUMER.NAMES.*',
    '$JS.API.CONSUMER.LIST.*',
    '$JS.API.CONSUMER.INFO.*.*',
  ],
  // Why a message was given up is told there.
  subscribe: [inbox('operator'), '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>'],
});

/** Only the provisioner makes streams and consumers; it writes the first key ring, and does nothing else. */
const provisionerRights = (): Rights => ({
  publish: ['$JS.API.>', keyRing.subject],
  subscribe: [inbox('provisioner')],
});

/** Every user of the broker with its rights, services first. */
export const users = (contracts: readonly Contract[]): ReadonlyMap<string, Rights> =>
  new Map<string, Rights>([
    ...contracts.map((contract) => [contract.name, rightsOf(contract, contracts)] as const),
    ['operator', operatorRights(contracts)],
    ['provisioner', provisionerRights()],
  ]);

/** The environment variable of a user: `NKEY_DATA_ACCESS` is the public key of data-access at the broker. */
export const variableOf = (prefix: 'NKEY' | 'SEED' | 'PASSWORD', name: string): string =>
  `${prefix}_${name.toUpperCase().replaceAll('-', '_')}`;

const block = (subjects: readonly string[]): string =>
  subjects.length === 0
    ? 'deny: ">"'
    : `allow: [\n${subjects.map((subject) => `            ${JSON.stringify(subject)}`).join('\n')}\n          ]`;

const userBlock = (name: string, { publish, subscribe }: Rights): string => `      {
        # ${name}
        nkey: $${variableOf('NKEY', name)}
        permissions: {
          publish: { ${block(publish)} }
          subscribe: { ${block(subscribe)} }
        }
      }`;

/** Accounts, users and permissions, to be included by the configuration of a server. */
export const natsConf = (
  contracts: readonly Contract[],
): string => `# Generated by \`npm run generate\` from the contracts of the services. Include it in the server's configuration.
# Each user is a public nkey in the environment; whoever is not listed cannot connect, and what is not allowed is denied.
accounts {
  APP {
    jetstream: enabled
    users: [
${[...users(contracts)].map(([name, rights]) => userBlock(name, rights)).join('\n')}
    ]
  }
  SYS {}
}
system_account: SYS
`;
