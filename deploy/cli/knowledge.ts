import { readConfig } from '@jangada/config/config.ts';
import { embeddingSettings, openEmbedding } from '@jangada/knowledge/embedding.ts';
import { Command } from 'commander';
import { type Refreshed, refreshKnowledge } from '../knowledge.ts';
import { readLocal } from '../local.ts';
import { announceChange } from './changed.ts';
import { type Format, jsonOption, print, table } from './output.ts';

interface Options extends Format {
  readonly tenant?: string;
  readonly rebuild?: boolean;
}

/** `knowledge refresh`: indexes of texts, with what the environment says makes their vectors. */
export const knowledgeCommand = (): Command =>
  new Command('knowledge').description('texts that questions are answered from').addCommand(
    new Command('refresh')
      .description('bring indexes up to date; only what changed is embedded')
      .option('--tenant <tenant>', 'of this tenant alone')
      .option('--rebuild', 'make a new index beside the one in use, and switch when it is whole')
      .addOption(jsonOption())
      .action(async (options: Options) => {
        const embedding = await openEmbedding(readConfig(embeddingSettings));
        const { DATABASE_TENANT_URLS: apart } = readConfig(['DATABASE_TENANT_URLS']);
        const { databaseUrl } = readLocal(['databaseUrl']);
        const { tenant, rebuild = false } = options;
        const named = tenant === undefined ? undefined : apart[tenant];
        const urls = tenant === undefined ? [databaseUrl, ...Object.values(apart)] : [named ?? databaseUrl];
        const wanted = { embedding, rebuild, ...(tenant === undefined ? {} : { tenant }) };
        const done: Refreshed[] = [];
        for (const url of urls) done.push(...(await refreshKnowledge(url, wanted)));
        for (const changed of new Set(done.map((one) => one.tenant))) await announceChange(changed);
        print(options, done, () =>
          table(
            ['tenant', 'of', 'articles', 'embedded', 'kept', 'removed', 'version'],
            done.map((one) => [
              ...[one.tenant, one.source, one.articles, one.embedded, one.kept, one.removed, one.version],
            ]),
          ),
        );
      }),
  );
