import { type Change, change, policiesOf } from '@jangada/limits/policies.ts';
import type { LimitPolicy } from '@jangada/packs/pack.ts';
import { packs } from '@jangada/packs/registry.ts';
import { core, limitStream } from '@jangada/proto/envelope.ts';
import { type JetStreamManager, jetstream } from '@nats-io/jetstream';
import { Command, InvalidArgumentError } from 'commander';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';

const everybody = '_';

/** A policy as it is declared, and what an operator has set of it. */
export interface Limit extends LimitPolicy {
  /** Null where it holds whatever the pack. */
  readonly pack: string | null;
  readonly set: readonly (Change & { readonly tenant: string | null })[];
}

/** Figures that are set, by `<tenant>.<policy>`. */
type Changes = ReadonlyMap<string, Change>;

/** Every policy there is: the standing ones once, and those of each pack. */
export const limitsOf = (changes: Changes): Limit[] => {
  const standing = policiesOf(undefined).map((policy) => ({ policy, pack: null }));
  const own = packs.flatMap((pack) => pack.limits.map((policy) => ({ policy, pack: pack.name })));
  const set = [...changes].map(([key, changed]) => {
    const [tenant = '', policy = ''] = key.split('.');
    return { policy, tenant: tenant === everybody ? null : tenant, ...changed };
  });
  return [...standing, ...own].map(({ policy, pack }) => ({
    ...policy,
    pack,
    set: set.filter((one) => one.policy === policy.name).map(({ policy: _name, ...rest }) => rest),
  }));
};

const seconds = (windowMs: number): string => `${windowMs / 1_000} s`;
const span = ({ windowMs, atOnce }: LimitPolicy): string => (atOnce ? 'at once' : seconds(windowMs));
const setText = (set: Limit['set']): string =>
  set
    .map(({ tenant, max, windowMs }) =>
      [tenant ?? 'everybody', max, windowMs && `in ${seconds(windowMs)}`]
        .filter((part) => part !== undefined)
        .join(' '),
    )
    .join(', ');

export const limitsText = (limits: readonly Limit[]): string =>
  table(
    ['policy', 'counts', 'by', 'max', 'in', 'of', 'set'],
    limits.map((limit) => [
      limit.name,
      limit.onlyFailures ? `${limit.class}, failed` : limit.class,
      limit.key,
      limit.max,
      span(limit),
      limit.pack ?? '',
      setText(limit.set),
    ]),
  );

/** What is set now. A change that sets nothing is none. */
const changesAt = async (jsm: JetStreamManager): Promise<Changes> => {
  const changes = new Map<string, Change>();
  try {
    const stored = await jsm.direct.getLastMessagesFor(limitStream, { multi_last: [core.limit('*', '*')] });
    for await (const message of stored) {
      const { data } = change.safeParse(message.json());
      if (data && Object.keys(data).length > 0) changes.set(message.subject.slice('limit.'.length), data);
    }
  } catch (error) {
    // The broker answers a batch that would be empty with 404.
    if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
  }
  return changes;
};

const show = async (format: Format): Promise<void> => {
  await using operator = await openOperator();
  const limits = limitsOf(await changesAt(operator.jsm));
  print(format, limits, () => limitsText(limits));
};

interface Target extends Format {
  readonly tenant?: string;
}

/** @throws Failure for a policy that does not exist */
const put = async (name: string, changed: Change, { tenant, ...format }: Target): Promise<void> => {
  if (!limitsOf(new Map()).some((limit) => limit.name === name))
    throw new Failure(`there is no policy ${name}; see \`npx jangada limits show\``);
  await using operator = await openOperator();
  const { seq } = await jetstream(operator.nc).publish(
    core.limit(tenant ?? everybody, name),
    JSON.stringify(changed),
  );
  const done = { policy: name, tenant: tenant ?? null, ...changed, sequence: seq };
  print(format, done, () =>
    Object.keys(changed).length > 0
      ? `${name} is set for ${tenant ?? 'everybody'}; every replica counts by it from now on`
      : `${name} is as declared again for ${tenant ?? 'everybody'}`,
  );
};

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('a whole number');
};
const tenantId = (text: string): string => {
  if (/^[a-z0-9-]{2,26}$/.test(text)) return text;
  throw new InvalidArgumentError('the id of a tenant');
};
const windowSeconds = (text: string): number => {
  const value = wholeNumber(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('a whole number of seconds, 1 or more');
};

export const limitsCommand = (): Command =>
  new Command('limits')
    .description('rate limits and quotas: what they are, and changing them while the system runs')
    .addCommand(
      new Command('show')
        .description('every policy, and what is set of it')
        .addOption(jsonOption())
        .action((format: Format) => show(format)),
    )
    .addCommand(
      new Command('set')
        .description('changes a policy for everybody or for one tenant, at once and until it is reset')
        .argument('<policy>')
        .option('--max <n>', 'how much may be used; 0 for nothing', wholeNumber)
        .option('--window <seconds>', 'in which time', windowSeconds)
        .option('--tenant <id>', 'for one tenant only', tenantId)
        .addOption(jsonOption())
        .action(async (name: string, options: Target & { max?: number; window?: number }) => {
          const { max, window, ...target } = options;
          if (max === undefined && window === undefined) throw new Failure('say --max, --window or both');
          await put(
            name,
            {
              ...(max === undefined ? {} : { max }),
              ...(window === undefined ? {} : { windowMs: window * 1_000 }),
            },
            target,
          );
        }),
    )
    .addCommand(
      new Command('reset')
        .description('makes a policy what it was declared as')
        .argument('<policy>')
        .option('--tenant <id>', 'for one tenant only', tenantId)
        .addOption(jsonOption())
        .action((name: string, target: Target) => put(name, {}, target)),
    );
