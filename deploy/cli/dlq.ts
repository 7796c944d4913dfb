import { headers } from '@jangada/proto/envelope.ts';
import { type Letter, replayed } from '@jangada/proto/letter.ts';
import {
  deadAt,
  deadMessages,
  deadStream,
  isEvent,
  letterOf,
  NotReplayed,
  replay,
} from '@jangada/runtime/dead-letters.ts';
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { Command, InvalidArgumentError } from 'commander';
import { Failure, messageOf } from './failure.ts';
import { type Operator, openOperator, say } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { claimsOf } from './story.ts';

const eventText =
  'it is an event, which happened once and is not said again; `npx jangada projection rebuild` makes the table anew from all of them';

/** Every dead letter, oldest first. */
const listDead = async (jsm: JetStreamManager): Promise<Letter[]> => {
  const letters: Letter[] = [];
  for await (const stored of deadMessages(jsm)) letters.push(letterOf(stored));
  return letters;
};

/** @throws Failure when there is none */
const foundAt = async (jsm: JetStreamManager, sequence: number): Promise<StoredMsg> => {
  const stored = await deadAt(jsm, sequence);
  if (stored) return stored;
  throw new Failure(`there is no dead letter ${sequence}; see \`npx jangada dlq list\``);
};

/** Audit hears of it first. @throws Failure for an event, and when the broker does not take it; it stays a dead letter then */
const sendAgain = async (operator: Operator, stored: StoredMsg): Promise<Letter> => {
  const letter = letterOf(stored);
  const { sequence, subject, hop, run, tenant } = letter;
  if (isEvent(letter)) throw new Failure(`dead letter ${sequence} stays: ${eventText}`);
  const message = subject.split('.').slice(0, 2).join('.');
  try {
    await say(operator, replayed, tenant, { actor: 'operator', sequence, hop, message, run });
    return await replay(operator.nc, operator.jsm, stored);
  } catch (error) {
    const reason = messageOf(error instanceof NotReplayed ? error.cause : error);
    throw new Failure(
      error instanceof NotReplayed && !error.stays
        ? `dead letter ${sequence} was replayed but could not be taken out of the dead ones (${reason})`
        : `dead letter ${sequence} stays: ${subject} was not taken (${reason})`,
    );
  }
};

/**
 * Replays one or all. All are those that are dead when it starts, without events: one that dies again is not tried again.
 */
const replayAll = async (operator: Operator, which: number | 'all'): Promise<Letter[]> => {
  const { jsm } = operator;
  if (which !== 'all') return [await sendAgain(operator, await foundAt(jsm, which))];
  const { state } = await jsm.streams.info(deadStream);
  const sent: Letter[] = [];
  for await (const stored of deadMessages(jsm)) {
    if (stored.seq > state.last_seq) break;
    if (!isEvent(letterOf(stored))) sent.push(await sendAgain(operator, stored));
  }
  return sent;
};

const listText = (letters: readonly Letter[]): string =>
  letters.length === 0
    ? 'no dead letters'
    : table(
        ['seq', 'time (UTC)', 'hop', 'tenant', 'run', 'reason'],
        letters.map((letter) => [
          letter.sequence,
          moment(letter.at),
          letter.hop,
          letter.tenant,
          letter.run,
          letter.reason,
        ]),
      );

const headersOf = (stored: StoredMsg): Record<string, string> =>
  Object.fromEntries([...stored.header].map(([name, values]) => [name, values.join(', ')]));

/** Signed statements are long and say nothing to the eye. */
const short = (value: string): string => (value.length > 80 ? `${value.slice(0, 79)}…` : value);

const expired = (stored: StoredMsg): boolean => {
  const claims = claimsOf(stored.header.get(headers.pass));
  return claims !== undefined && claims.exp < Date.now();
};

const sequenceOf = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a sequence as `dlq list` shows it');
};

const list = (): Command =>
  new Command('list')
    .description('dead letters, oldest first')
    .addOption(jsonOption())
    .action(async (format: Format) => {
      await using operator = await openOperator();
      const letters = await listDead(operator.jsm);
      print(format, letters, () => listText(letters));
    });

const show = (): Command =>
  new Command('show')
    .description('headers of a dead letter; its body is sealed')
    .argument('<seq>', 'sequence, as `dlq list` shows it', sequenceOf)
    .addOption(jsonOption())
    .action(async (sequence: number, format: Format) => {
      await using operator = await openOperator();
      const stored = await foundAt(operator.jsm, sequence);
      const shown = { ...letterOf(stored), headers: headersOf(stored) };
      print(format, shown, () => {
        const about = Object.entries(headersOf(stored)).map(([name, value]) => [name, short(value)]);
        const late = expired(stored)
          ? ['\nIts pass has expired: replayed, its run can only end with DEADLINE.']
          : [];
        return [
          table(
            ['header', ''],
            [['subject', stored.subject], ['stored', moment(stored.timestamp)], ...about],
          ),
          ...late,
        ].join('\n');
      });
    });

const replayCommand = (): Command =>
  new Command('replay')
    .description('publish dead letters again where they were, and take them out of the dead ones')
    .argument('<seq|all>', 'sequence, as `dlq list` shows it, or all', (text) =>
      text === 'all' ? 'all' : sequenceOf(text),
    )
    .addOption(jsonOption())
    .action(async (which: number | 'all', format: Format) => {
      await using operator = await openOperator();
      const sent = await replayAll(operator, which);
      print(format, sent, () =>
        sent.length === 0
          ? 'no dead letters'
          : sent.map(({ sequence, subject }) => `replayed ${sequence} to ${subject}`).join('\n'),
      );
    });

export const dlqCommand = (): Command =>
  new Command('dlq')
    .description('messages that could not be processed')
    .addCommand(list())
    .addCommand(show())
    .addCommand(replayCommand());
