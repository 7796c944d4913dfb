import type { Contract } from '@jangada/hop/hop.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { filterOf, type Message, streamOf } from '@jangada/proto/message.ts';
import { Command } from 'commander';
import { collect, heardBy, saidBy } from '../topology.ts';
import { type Format, jsonOption, print, table } from './output.ts';

/** One message and everybody who has to do with it. */
export interface Subject {
  readonly subject: string;
  readonly stream: string;
  readonly kind: string;
  readonly publishers: readonly string[];
  readonly hearers: readonly string[];
  readonly says: string;
}

const publishersOf = (contracts: readonly Contract[], message: Message): string[] =>
  message.kind === 'tick'
    ? ['a schedule', 'operator']
    : contracts.filter((contract) => saidBy(contract).includes(message)).map(({ name }) => name);

/** A border has no consumer; it reads what it passes on to the person who asked. */
const heardOrFollowedBy = (contract: Contract): readonly Message[] =>
  contract.kind === 'border' ? contract.follows : heardBy(contract);

/** Every message there is, in the order of a run. */
export const subjectsOf = (contracts: readonly Contract[]): Subject[] =>
  messages.map((message) => ({
    subject: filterOf(message),
    stream: streamOf[message.kind],
    kind: message.kind,
    publishers: publishersOf(contracts, message),
    hearers: contracts
      .filter((contract) => heardOrFollowedBy(contract).includes(message))
      .map(({ name }) => name),
    says: message.says,
  }));

export const subjectsText = (subjects: readonly Subject[]): string =>
  table(
    ['subject', 'stream', 'kind', 'published by', 'heard by', 'says'],
    subjects.map((row) => [
      row.subject,
      row.stream,
      row.kind,
      row.publishers.join(', '),
      row.hearers.join(', '),
      row.says,
    ]),
  );

export const subjectsCommand = (): Command =>
  new Command('subjects')
    .description('every message: where it lives, who may say it, who hears it')
    .addOption(jsonOption())
    .action(async (format: Format) => {
      const subjects = subjectsOf(await collect());
      print(format, subjects, () => subjectsText(subjects));
    });
