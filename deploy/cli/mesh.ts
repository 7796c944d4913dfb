import { discover, type Instance } from '@jangada/mesh/registry.ts';
import { Command } from 'commander';
import { causeOf, exitCodes } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';

/** What an instance says at its own address, as a balancer in front of it would ask. */
interface Answered {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** `healthy`, `degraded` or `unhealthy`; `unreachable` where nobody answers. */
  readonly status: string;
  readonly details: string;
}

const askMs = 3_000;

const ask = async ({ id, name, url, healthCheckPath }: Instance): Promise<Answered> => {
  const where = url + healthCheckPath;
  try {
    const response = await fetch(where, { signal: AbortSignal.timeout(askMs) });
    const { status, checks } = (await response.json()) as {
      status: string;
      checks: readonly { name: string; status: string }[];
    };
    const ill = checks.filter((check) => check.status !== 'healthy').map((check) => check.name);
    return { id, name, url: where, status, details: ill.length > 0 ? `no ${ill.join(', ')}` : '' };
  } catch (error) {
    return { id, name, url: where, status: 'unreachable', details: causeOf(error) };
  }
};

const found = async (): Promise<readonly Instance[]> => {
  await using operator = await openOperator();
  return await discover(operator.nc);
};

const registryText = (instances: readonly Instance[]): string =>
  table(
    [
      'service',
      'id',
      'version',
      'host',
      'port',
      'health',
      'weight',
      'ready',
      'breaker',
      'in flight',
      'since',
    ],
    instances.map((one) => [
      ...[one.name, one.id, one.version, one.host, one.port, one.healthCheckPath, one.weight],
      ...[one.ready ? 'yes' : 'NO', one.breaker, one.inFlight, moment(one.startedAt).slice(0, 19)],
    ]),
  );

export const meshCommand = (): Command =>
  new Command('mesh')
    .description('instances of services as they find each other')
    .addCommand(
      new Command('registry')
        .description('every instance that answers: where, which release, its weight and state')
        .addOption(jsonOption())
        .action(async (format: Format) => {
          const instances = await found();
          print(format, instances, () => registryText(instances));
        }),
    )
    .addCommand(
      new Command('health')
        .description('asks each instance at its own address; 1 where one is not healthy')
        .addOption(jsonOption())
        .action(async (format: Format) => {
          const answers = await Promise.all((await found()).map(ask));
          if (answers.length === 0 || answers.some(({ status }) => status !== 'healthy'))
            process.exitCode = exitCodes.failed;
          print(format, answers, () =>
            table(
              ['service', 'id', 'status', 'asked at', 'details'],
              answers.map(({ name, id, status, url, details }) => [name, id, status, url, details]),
            ),
          );
        }),
    );
