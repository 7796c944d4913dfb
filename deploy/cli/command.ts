import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { readLocal } from '../local.ts';
import { accountOf, readAccounts } from './accounts.ts';
import { Failure } from './failure.ts';
import { type Format, jsonOption, print } from './output.ts';
import { post, refusalOf, signIn } from './sign-in.ts';

interface Options extends Format {
  readonly as: string;
  readonly key?: string;
}

interface Outcome {
  readonly status: 'accepted' | 'done' | 'refused' | 'failed';
  readonly code?: string;
  readonly message?: string;
  readonly alternatives?: readonly string[];
  readonly appointmentId?: string;
  readonly version?: number;
}

/** Numbers, lists, true and false are written as JSON; everything else is text. */
const readValue = (text: string): unknown =>
  /^(\d{1,9}|true|false|\[.*\])$/s.test(text) ? JSON.parse(text) : text;

const fieldsOf = (pairs: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Failure(`\`${pair}\` is no <field>=<value>`);
      return [pair.slice(0, at), readValue(pair.slice(at + 1))];
    }),
  );

/** Asked for so often; a command that is still not over by then is told as accepted. */
const asksMax = 30;

/** `command`: changes the agenda as a demo account. */
export const commandCommand = (): Command =>
  new Command('command')
    .description('give a command on the agenda as a demo account, and tell what came of it')
    .argument('<name>', 'as ScheduleAppointment')
    .argument('[fields...]', '<field>=<value>, as start=2027-05-06T10:00:00-03:00')
    .requiredOption('--as <alias>', 'who gives it; see `accounts`')
    .option('--key <key>', 'what it is called: given again under the same name it is the same command')
    .addOption(jsonOption())
    .action(async (type: string, fields: readonly string[], options: Options) => {
      const { edgeUrl } = readLocal();
      const access = await signIn(edgeUrl, accountOf(readAccounts(), options.as));
      const authorization = `Bearer ${await access()}`;
      const accepted = await post(
        `${edgeUrl}/v1/commands`,
        { ...fieldsOf(fields), type },
        { authorization, ...(options.key ? { 'idempotency-key': options.key } : {}) },
      );
      const told = accepted.ok
        ? await followed(`${edgeUrl}${accepted.headers.get('location')}`, authorization)
        : { status: 'refused' as const, ...(await refusalOf(accepted)) };
      if (told.status !== 'accepted' && told.status !== 'done') process.exitCode = 1;
      print(options, told, () => lines(type, told));
    });

const followed = async (url: string, authorization: string): Promise<Outcome & { commandId?: string }> => {
  for (let ask = 1; ; ask++) {
    const response = await fetch(url, { headers: { authorization } });
    const told = response.ok
      ? ((await response.json()) as Outcome)
      : { status: 'failed' as const, ...(await refusalOf(response)) };
    if (told.status !== 'accepted' || ask === asksMax) return told;
    await sleep(100);
  }
};

const lines = (type: string, told: Outcome): string =>
  [
    `${type}: ${[told.status, told.code, told.message].filter(Boolean).join(' · ')}`,
    ...(told.appointmentId ? [`appointmentId ${told.appointmentId} version ${told.version}`] : []),
    ...(told.alternatives?.length ? [`instead: ${told.alternatives.join(', ')}`] : []),
  ].join('\n');
