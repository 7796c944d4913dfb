import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { servicesDir } from './topology.ts';

/** Builds the console where its sources have changed, and says in which folder it is. @throws what the build says */
export const builtConsole = async (): Promise<string> => {
  const path = join(servicesDir, 'console', 'build.ts');
  const { build, site } = (await import(pathToFileURL(path).href)) as {
    build: () => Promise<void>;
    site: string;
  };
  await build();
  return site;
};
