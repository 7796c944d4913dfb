import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Contract } from '@jangada/hop/hop.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { type Message, streamsOf } from '@jangada/proto/message.ts';
import { reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';

/**
 * The whole topology, read from the contracts of the services. Whatever stands in services/ with a contract is
 * part of it; no list of services exists anywhere else.
 */

export const root = join(import.meta.dirname, '..');
export const servicesDir = join(root, 'services');

/** Contracts that do not fit together. Names everything that is wrong, all at once. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';

  constructor(faults: readonly string[]) {
    super(`the contracts do not fit together:\n  ${faults.join('\n  ')}`);
  }
}

/**
 * Finds the contract of every service, checked, in the order of a run: who admits, who carries it on, who keeps.
 * @throws TopologyError
 */
export const collect = async (dir = servicesDir): Promise<readonly Contract[]> => {
  const folders = readdirSync(dir).filter((folder) => existsSync(join(dir, folder, 'contract.ts')));
  const contracts = await Promise.all(
    folders.sort().map(async (folder) => {
      const { contract } = (await import(pathToFileURL(join(dir, folder, 'contract.ts')).href)) as {
        contract: Contract;
      };
      if (contract.name !== folder) {
        throw new TopologyError([`services/${folder} declares itself as ${contract.name}`]);
      }
      return contract;
    }),
  );
  check(contracts);
  return inOrder(contracts).placed;
};

/** What a service hears from its consumer. */
export const heardBy = (contract: Contract): readonly Message[] => {
  if (contract.kind === 'border') return [];
  return contract.kind === 'hop' ? [contract.on] : contract.on;
};

/**
 * What a service may say: what it declares, and what the runtime says for every hop, since any of them may meet
 * a deadline, a poisonous message or a person who stops the run.
 */
export const saidBy = (contract: Contract): readonly Message[] =>
  contract.kind === 'hop'
    ? [...new Set<Message>([...contract.emits, ...contract.appends, run.failed, run.cancelled, reply])]
    : contract.emits;

/** The streams and the name of a service's consumers, one of each stream that it hears; a border has none. */
export const consumersOf = (
  contract: Contract,
): readonly { readonly stream: string; readonly durable: string }[] =>
  streamsOf(heardBy(contract)).map((stream) => ({ stream, durable: contract.name }));

const keeper = 'audit';

/**
 * Checks that the contracts close: everything said is heard, everything heard is said, and audit misses nothing.
 * @throws TopologyError
 */
export const check = (contracts: readonly Contract[], catalogue: readonly Message[] = messages): void => {
  const faults: string[] = [];
  const saying = (message: Message) => contracts.filter((contract) => saidBy(contract).includes(message));
  const hearing = (message: Message) => contracts.filter((contract) => heardBy(contract).includes(message));

  const names = contracts.map((contract) => contract.name);
  for (const name of new Set(names.filter((name, at) => names.indexOf(name) < at))) {
    faults.push(`two services are called ${name}`);
  }

  for (const contract of contracts) {
    for (const message of [...heardBy(contract), ...saidBy(contract)]) {
      if (!catalogue.includes(message))
        faults.push(`${contract.name} names ${message.name}, which is not in proto/catalogue.ts`);
    }
    for (const [name, message] of contract.kind === 'hop' ? Object.entries(contract.spares) : []) {
      if (!hearing(message).some((other) => other.name === name))
        faults.push(`${contract.name} can do without ${name}, which does not hear ${message.name}`);
    }
  }

  for (const message of catalogue) {
    const said = saying(message);
    const heard = hearing(message);
    // The broker says a tick, from a schedule, and the operator some; everything else needs a service that does.
    if (said.length === 0 && message.kind !== 'tick' && message.by === undefined)
      faults.push(`nobody says ${message.name}`);
    if (message.kind === 'intake' && said.some((contract) => contract.kind !== 'border')) {
      faults.push(`${message.name} enters by a border service only`);
    }
    // A reply is for the person who asked, who is no service, and an event for whoever appends the next.
    if (heard.length === 0 && message.kind !== 'reply' && message.kind !== 'event' && !message.ends)
      faults.push(`nobody hears ${message.name}`);
    if (
      message.kind === 'fact' &&
      message.passed &&
      !message.ends &&
      !heard.some((contract) => contract.kind === 'hop')
    ) {
      faults.push(`nobody carries a run on after ${message.name}`);
    }
    if (message.kind === 'fact' && !heard.some((contract) => contract.name === keeper)) {
      faults.push(`${keeper} does not hear ${message.name}`);
    }
    if ((message.kind === 'intake' || message.kind === 'tick') && heard.length > 1) {
      faults.push(
        `${message.name} waits in a work queue, so only one may hear it, not ${heard.map(({ name }) => name).join(' and ')}`,
      );
    }
  }

  const { cycle } = inOrder(contracts);
  if (cycle.length > 0) faults.push(`these hear each other in a circle: ${cycle.join(' → ')}`);
  if (faults.length > 0) throw new TopologyError([...new Set(faults)]);
};

const rank: Readonly<Record<Contract['kind'], number>> = { border: 0, hop: 1, sink: 2 };

/** Contracts such that each comes after all that it hears, and the first circle that keeps some from a place. */
const inOrder = (
  contracts: readonly Contract[],
): { placed: readonly Contract[]; cycle: readonly string[] } => {
  // Who goes on from events that they append themselves are no circle: what an aggregate has come to ends it.
  const leadsTo = (other: Contract, contract: Contract): boolean =>
    saidBy(other).some(
      (message) => heardBy(contract).includes(message) && (other !== contract || message.kind !== 'event'),
    );
  const before = (contract: Contract, among: readonly Contract[]): Contract | undefined =>
    among.find((other) => leadsTo(other, contract));
  const placed: Contract[] = [];
  const waiting = [...contracts].sort((a, b) => rank[a.kind] - rank[b.kind]);
  for (;;) {
    const next = waiting.find((contract) => !before(contract, waiting));
    if (!next) break;
    placed.push(next);
    waiting.splice(waiting.indexOf(next), 1);
  }

  // Whoever still waits hears one who waits too: going back from any of them ends in a circle.
  const back: Contract[] = [];
  let at = waiting[0];
  while (at && !back.includes(at)) {
    back.unshift(at);
    at = before(at, waiting);
  }
  const cycle = at ? [at, ...back.slice(0, back.indexOf(at) + 1)].map(({ name }) => name) : [];
  return { placed, cycle };
};
