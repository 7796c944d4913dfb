import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { packs } from '@jangada/packs/registry.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { asyncapi } from './generate/asyncapi.ts';
import { brokerYml, envFile, prometheusTargets, servicesYml } from './generate/containers.ts';
import { journey } from './generate/journey.ts';
import { k8sYaml } from './generate/k8s.ts';
import { natsConf } from './generate/nats.ts';
import { errorsMd, limitsMd, settingsMd } from './generate/reference.ts';
import { rightsMd } from './generate/rights.ts';
import { rolesSql } from './generate/roles.ts';
import { schemaSql } from './generate/schema.ts';
import { freshSecrets } from './generate/secrets.ts';
import { factsOf, questionOf } from './generate/services.ts';
import { consumers, streams } from './generate/streams.ts';
import { tablesMadeBy } from './generate/tables.ts';
import { migrate } from './migrate.ts';
import { retrievalMd } from './nlu/retrieval.ts';
import { collect, root } from './topology.ts';

/**
 * Everything that follows from the contracts, as files in generated/. They are committed, so that what a change
 * of a contract means for the broker, the database and the containers is read in the same review.
 */

export const generatedDir = join(import.meta.dirname, 'generated');

/** All files but the schema, which takes a database, by name. */
export const render = async (): Promise<ReadonlyMap<string, string>> => {
  const contracts = await collect();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return new Map([
    ['journey.md', journey(contracts, { questionOf: (service) => questionOf(service) ?? '' })],
    ['asyncapi.json', json(asyncapi(contracts, version))],
    ['nats.conf', natsConf(contracts)],
    ['rights.md', rightsMd(contracts)],
    ['retrieval.md', retrievalMd(packs)],
    ['streams.json', json(streams())],
    ['consumers.json', json(consumers(contracts))],
    ['roles.sql', rolesSql(contracts, (await Promise.all(packs.map(tablesMadeBy))).flat())],
    ['settings.md', settingsMd(contracts)],
    ['errors.md', errorsMd()],
    ['limits.md', limitsMd()],
    ['services.json', json(contracts.map(factsOf))],
    ['services.yml', servicesYml(contracts)],
    ['broker.yml', brokerYml(contracts)],
    ['env.example', envFile(contracts)],
    ['prometheus-targets.json', json(prometheusTargets(contracts))],
    ['k8s.yaml', k8sYaml(contracts, version)],
  ]);
};

/** The schema of a database that deploy/migrate.ts has just made, with the roles as they are on disk. */
export const renderSchema = async (): Promise<string> => {
  const dir = mkdtempSync(join(tmpdir(), 'jangada-schema-'));
  try {
    await using postgres = await startPostgres({ dir, durability: 'relaxed' });
    await migrate(postgres.url);
    return await schemaSql(postgres.url);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const isCurrent = (file: string, content: string): boolean => {
  const path = join(generatedDir, file);
  return existsSync(path) && readFileSync(path, 'utf8') === content;
};

/** Files in generated/ that are not what the contracts say, and writes them unless `check` is set. */
export const generate = async ({ check }: { check: boolean }): Promise<readonly string[]> => {
  const differing: string[] = [];
  const put = (file: string, content: string): void => {
    if (isCurrent(file, content)) return;
    differing.push(file);
    if (!check) writeFileSync(join(generatedDir, file), content);
  };
  mkdirSync(generatedDir, { recursive: true });
  for (const [file, content] of await render()) put(file, content);
  put('schema.sql', await renderSchema());
  return differing;
};

const main = async (): Promise<void> => {
  if (process.argv.includes('--env')) {
    const contracts = await collect();
    const { values, root: rootKey } = freshSecrets(contracts);
    process.stdout.write(envFile(contracts, values, rootKey));
    return;
  }
  const check = process.argv.includes('--check');
  const differing = await generate({ check });
  const folder = relative(root, generatedDir);
  for (const file of differing) console.log(`${check ? 'differs' : 'wrote'} ${join(folder, file)}`);
  if (differing.length === 0) console.log(`${folder} is what the contracts say`);
  else if (check) {
    console.log('Run `npm run generate` and commit the result.');
    process.exitCode = 1;
  }
};

if (import.meta.main) await main();
