import type { Contract } from '@jangada/hop/hop.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { streamOf, subjectOf } from '@jangada/proto/message.ts';
import { reply } from '@jangada/proto/reply.ts';
import { headOf } from '@jangada/runtime/heard.ts';
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { Command } from 'commander';
import { collect } from '../topology.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print } from './output.ts';
import { type Named, pick, tokenOf } from './pick.ts';
import { type Kept, type Story, storyOf, type Told } from './story.ts';
import { waterfall } from './waterfall.ts';

interface Options extends Format {
  readonly tenant?: string;
}

/** `run.<fact>.<tenant>.<id>` */
const namedBy = (subject: string): Named => {
  const [, , tenant = '', id = ''] = subject.split('.');
  return { tenant, id };
};

const distinct = (named: readonly Named[]): Named[] => [
  ...new Map(named.map((each) => [`${each.tenant}.${each.id}`, each])).values(),
];

/** One message per subject is all there is: a fact happens at most once. */
const factsAt = async (jsm: JetStreamManager, filter: string): Promise<StoredMsg[]> => {
  const facts: StoredMsg[] = [];
  const found = await jsm.direct.getLastMessagesFor(streamOf.fact, { multi_last: [filter] });
  for await (const fact of found) facts.push(fact);
  return facts;
};

/** Finds a run by its id or the beginning of it. @throws Failure */
const findRun = async (jsm: JetStreamManager, wanted: string, tenant: string): Promise<Named> => {
  const exact = distinct(
    (await factsAt(jsm, `run.*.${tenant}.${wanted}`)).map(({ subject }) => namedBy(subject)),
  );
  if (exact.length > 0) return pick(exact, wanted);
  const { state } = await jsm.streams.info(streamOf.fact, { subjects_filter: `run.*.${tenant}.*` });
  return pick(distinct(Object.keys(state.subjects ?? {}).map(namedBy)), wanted);
};

const keptOf = (stored: StoredMsg): Kept => ({
  subject: stored.subject,
  sequence: stored.seq,
  timestamp: stored.timestamp,
  pass: stored.header.get(headers.pass) || undefined,
  head: stored.header.get(headers.head),
});

/** When the answer was told. The reply stream keeps less long than the facts, so there may be none. */
const toldOf = async (jsm: JetStreamManager, { tenant, id }: Named): Promise<Told | undefined> => {
  const subject = subjectOf(reply, tenant, id);
  const [first, last] = await Promise.all([
    jsm.direct.getMessage(streamOf.reply, { seq: 1, next_by_subj: subject }),
    jsm.direct.getMessage(streamOf.reply, { last_by_subj: subject }),
  ]);
  if (!first || !last) return undefined;
  const { attempt } = headOf(reply, { headers: last.header, data: last.data });
  return { first: first.timestamp, last: last.timestamp, attempt };
};

/** Reads the story of one run. @throws Failure when it is not known or not the only one */
export const readStory = async (
  jsm: JetStreamManager,
  contracts: readonly Contract[],
  wanted: string,
  options: Pick<Options, 'tenant'> = {},
): Promise<Story> => {
  const tenant = options.tenant === undefined ? '*' : tokenOf(options.tenant);
  const named = await findRun(jsm, tokenOf(wanted), tenant);
  const [first, ...others] = (await factsAt(jsm, `run.*.${named.tenant}.${named.id}`)).map(keptOf);
  if (!first) throw new Failure(`run ${named.id} is no longer kept`);
  return storyOf(named, [first, ...others], await toldOf(jsm, named), contracts);
};

export const runCommand = (): Command =>
  new Command('run').description('what happened to a question').addCommand(
    new Command('show')
      .description('the facts of a run in order, with the time of each hop')
      .argument('<id>', 'id of the run, or its beginning')
      .option('--tenant <tenant>', 'tenant of the run, where the id alone is not enough')
      .addOption(jsonOption())
      .action(async (id: string, options: Options) => {
        await using operator = await openOperator();
        const story = await readStory(operator.jsm, await collect(), id, options);
        print(options, story, () => waterfall(story));
      }),
  );
