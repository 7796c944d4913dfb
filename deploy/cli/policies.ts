import type { Contract } from '@jangada/hop/hop.ts';
import type { Policy } from '@jangada/hop/policy.ts';
import { filterOf } from '@jangada/proto/message.ts';
import { rollCall } from '@jangada/runtime/roll-call.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { Command } from 'commander';
import { NotRunning } from '../local.ts';
import { collect, heardBy } from '../topology.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, remark, table } from './output.ts';

/** How one service fails, and the state of its breaker now. */
export interface HopPolicy {
  readonly hop: string;
  readonly hears: readonly string[];
  readonly policy: Policy;
  /** The worst of its instances; null when the system does not run or the service did not answer. */
  readonly breaker: Status['breaker'] | null;
  /** Failures that count towards opening it now, and since when it is in its state; of the same instance. */
  readonly failures: number | null;
  readonly since: string | null;
}

const worst = (answers: readonly Status[]): Status | undefined =>
  (['open', 'half-open', 'closed'] as const)
    .flatMap((state) => answers.filter(({ breaker }) => breaker === state))
    .at(0);

export const policiesOf = (contracts: readonly Contract[], answers: readonly Status[]): HopPolicy[] =>
  contracts.map((contract) => {
    const status = worst(answers.filter(({ name }) => name === contract.name));
    return {
      hop: contract.name,
      hears: heardBy(contract).map(filterOf),
      policy: contract.policy,
      breaker: status?.breaker ?? null,
      failures: status?.failures ?? null,
      since: status?.breakerSince ?? null,
    };
  });

const breakerText = ({ failures, withinMs, openMs, successes }: Policy['breaker']): string =>
  `${failures} in ${withinMs / 1_000} s, ${openMs / 1_000} s open, ${successes} to close`;

export const policiesText = (policies: readonly HopPolicy[]): string =>
  table(
    [
      'hop',
      'timeout (ms)',
      'attempts',
      'backoff (ms)',
      'concurrent',
      'waiting',
      'deliveries',
      'breaker',
      'now',
      'failures',
      'since',
      'hears',
    ],
    policies.map(({ hop, hears, policy, breaker, failures, since }) => [
      hop,
      policy.timeoutMs,
      policy.attempts,
      `${policy.backoffMs}–${policy.backoffMaxMs}`,
      policy.concurrent,
      policy.waiting,
      policy.deliveries === Number.MAX_SAFE_INTEGER ? 'no limit' : String(policy.deliveries),
      breakerText(policy.breaker),
      breaker ?? '',
      failures ?? undefined,
      since ? moment(since).slice(0, 19) : '',
      hears.join(' '),
    ]),
  );

/** Who answers, or nobody when no system runs: the figures can be read without one. */
const answersIfRunning = async (names: readonly string[]): Promise<readonly Status[]> => {
  try {
    await using operator = await openOperator();
    return await rollCall(operator.nc, names);
  } catch (error) {
    if (!(error instanceof NotRunning) && !(error instanceof Failure)) throw error;
    remark('No running system: breakers are not shown.');
    return [];
  }
};

export const policiesCommand = (): Command =>
  new Command('policies')
    .description('timeout, retry, bulkhead and breaker of every hop, and how each breaker is')
    .addOption(jsonOption())
    .action(async (format: Format) => {
      const contracts = await collect();
      const policies = policiesOf(contracts, await answersIfRunning(contracts.map(({ name }) => name)));
      print(format, policies, () => policiesText(policies));
    });
