import { Command, InvalidArgumentError, Option } from 'commander';
import { readLocal } from '../local.ts';
import { accountOf, readAccounts } from './accounts.ts';
import { Failure } from './failure.ts';
import { type Format, jsonOption, print, remark } from './output.ts';
import { signIn } from './sign-in.ts';
import { firstFailure, type Passed, type Who } from './validations.ts';

interface Options extends Format {
  readonly url?: string;
  readonly as: string;
  readonly token?: string;
  readonly tenant?: string;
  readonly within: number;
}

/** Whose agent is tried: of whom a token was given, or of a demo account. @throws Failure */
const whoOf = async (url: string, { as, token, tenant }: Options): Promise<Who> => {
  if (token && tenant) return { token, tenant };
  if (token || tenant) throw new Failure('TEST_TOKEN and TEST_TENANT go together: set both, or neither');
  const account = accountOf(readAccounts(), as);
  return { token: await (await signIn(url, account))(), tenant: account.tenant };
};

const countOf = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('a number of milliseconds');
};

export const validateCommand = (): Command =>
  new Command('validate').description('try what has to hold before others may use a system').addCommand(
    new Command('production')
      .description('health, attacks, time and isolation of the agents; ends with 1 at the first that fails')
      .option('--url <url>', 'the edge; that of the local system otherwise')
      .option('--as <alias>', 'the demo account that asks, of a care home', 'nurse')
      .addOption(new Option('--token <token>', 'an access token instead').env('TEST_TOKEN'))
      .addOption(new Option('--tenant <tenant>', 'the tenant that the token is for').env('TEST_TENANT'))
      .option('--within <ms>', 'longest that an answer may take', countOf, 3_000)
      .addOption(jsonOption())
      .action(async (options: Options) => {
        const url = (options.url ?? readLocal(['edgeUrl']).edgeUrl).replace(/\/$/, '');
        const who = await whoOf(url, options);
        const passed: Passed[] = [];
        const failure = await firstFailure({ url, withinMs: options.within }, who, (one) => {
          passed.push(one);
          if (!options.json) remark(`✓ ${one.name} (${one.ms} ms)`);
        });
        if (options.json) print(options, { url, passed, ...(failure ? { failure } : {}) }, () => '');
        if (failure) throw new Failure(`${failure.name}: ${failure.found}. Next: ${failure.next}`);
        if (!options.json) print(options, passed, () => 'All validation tests passed');
      }),
  );
