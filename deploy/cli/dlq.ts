import { randomUUID } from 'node:crypto';
import { deadHeaders, headers } from '@jangada/proto/envelope.ts';
import { type JetStreamManager, jetstream, type StoredMsg } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { Command, InvalidArgumentError } from 'commander';
import { Failure, messageOf } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { claimsOf } from './story.ts';

const stream = 'DEAD';
const batch = 256;

/** A message that could not be processed, without its body. */
interface DeadLetter {
  readonly sequence: number;
  readonly at: string;
  /** Which service gave it up, and why. */
  readonly hop: string;
  readonly reason: string;
  readonly tenant: string;
  readonly run: string;
  /** Where it was published at first. */
  readonly subject: string;
}

const letterOf = (stored: StoredMsg): DeadLetter => {
  const [, hop = '', tenant = '', run = ''] = stored.subject.split('.');
  return {
    sequence: stored.seq,
    at: stored.timestamp,
    hop: stored.header.get(deadHeaders.hop) || hop,
    reason: stored.header.get(deadHeaders.reason),
    tenant,
    run,
    subject: stored.header.get(deadHeaders.subject),
  };
};

/** The broker answers a batch that would be empty with 404. */
const isNoneLeft = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 404;

async function* deadMessages(jsm: JetStreamManager): AsyncGenerator<StoredMsg> {
  for (let next = 1; ; ) {
    const found: StoredMsg[] = [];
    try {
      for await (const stored of await jsm.direct.getBatch(stream, { seq: next, batch })) found.push(stored);
    } catch (error) {
      if (isNoneLeft(error)) return;
      throw error;
    }
    yield* found;
    const last = found.at(-1);
    if (!last) return;
    next = last.seq + 1;
  }
}

/** Every dead letter, oldest first. */
const listDead = async (jsm: JetStreamManager): Promise<DeadLetter[]> => {
  const letters: DeadLetter[] = [];
  for await (const stored of deadMessages(jsm)) letters.push(letterOf(stored));
  return letters;
};

/** @throws Failure when there is none */
const deadAt = async (jsm: JetStreamManager, sequence: number): Promise<StoredMsg> => {
  const stored = await jsm.streams.getMessage(stream, { seq: sequence });
  if (stored) return stored;
  throw new Failure(`there is no dead letter ${sequence}; see \`npx jangada dlq list\``);
};

/** What the broker and the burial added is left out: a replay is a new message that says the same. */
const isOwn = (name: string): boolean =>
  !name.startsWith('Nats-') && !Object.values<string>(deadHeaders).includes(name);

/**
 * Publishes a dead letter where it was at first and takes it out of the dead ones. If this process dies between
 * the two, it is replayed twice at worst, which every service stands. Nothing is expected of the subject, so a
 * run that has this fact already gets it again.
 * @throws Failure when the broker does not take it; it stays a dead letter then
 */
const replay = async (nc: NatsConnection, jsm: JetStreamManager, stored: StoredMsg): Promise<DeadLetter> => {
  const letter = letterOf(stored);
  const sent = newHeaders();
  for (const [name, values] of stored.header) {
    if (isOwn(name)) for (const value of values) sent.append(name, value);
  }
  sent.set(headers.messageId, randomUUID());
  try {
    await jetstream(nc, { timeout: 2_000 }).publish(letter.subject, stored.data, { headers: sent });
  } catch (error) {
    throw new Failure(
      `dead letter ${letter.sequence} stays: ${letter.subject} was not taken (${messageOf(error)})`,
    );
  }
  try {
    await jsm.streams.deleteMessage(stream, letter.sequence, false);
  } catch (error) {
    throw new Failure(
      `dead letter ${letter.sequence} was replayed but could not be taken out of the dead ones (${messageOf(error)})`,
    );
  }
  return letter;
};

/** Replays one or all. All are those that are dead when it starts: one that dies again is not tried again. */
const replayAll = async (
  nc: NatsConnection,
  jsm: JetStreamManager,
  which: number | 'all',
): Promise<DeadLetter[]> => {
  if (which !== 'all') return [await replay(nc, jsm, await deadAt(jsm, which))];
  const { state } = await jsm.streams.info(stream);
  const replayed: DeadLetter[] = [];
  for await (const stored of deadMessages(jsm)) {
    if (stored.seq > state.last_seq) break;
    replayed.push(await replay(nc, jsm, stored));
  }
  return replayed;
};

const listText = (letters: readonly DeadLetter[]): string =>
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
      const stored = await deadAt(operator.jsm, sequence);
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
      const replayed = await replayAll(operator.nc, operator.jsm, which);
      print(format, replayed, () =>
        replayed.length === 0
          ? 'no dead letters'
          : replayed.map(({ sequence, subject }) => `replayed ${sequence} to ${subject}`).join('\n'),
      );
    });

export const dlqCommand = (): Command =>
  new Command('dlq')
    .description('messages that could not be processed')
    .addCommand(list())
    .addCommand(show())
    .addCommand(replayCommand());
