import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackPackages } from './apt.ts';
import { cached } from './cache.ts';
import { onPath } from './command.ts';

/** Programs that check what is deployed, and where Debian's packages have them. */
const tools = {
  'docker-compose': { package: 'docker-compose', file: 'usr/libexec/docker/cli-plugins/docker-compose' },
  promtool: { package: 'promtool', file: 'usr/bin/promtool' },
} as const;

/** The program's path: the installed one, or Debian's, kept beside the servers. Undefined where neither can be had. */
export async function tool(name: keyof typeof tools): Promise<string | undefined> {
  const installed = await onPath(name);
  if (installed) return installed;
  const { package: from, file } = tools[name];
  try {
    const folder = await cached(`${name}-${process.arch}`, async (into) => {
      await unpackPackages('forky', [from], into);
      await access(join(into, file));
    });
    return join(folder, file);
  } catch {
    return undefined;
  }
}
