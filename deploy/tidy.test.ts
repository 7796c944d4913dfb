import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownCases, readCases } from './adversary/case.ts';
import { elsewhere } from './adversary/elsewhere.ts';
import { root } from './topology.ts';

// The rules of the house, as tests over the repository itself.

const files = (pattern: string): string[] =>
  globSync(pattern, {
    cwd: root,
    exclude: (path) => path.includes('node_modules') || path.startsWith('.jangada'),
  }).map(String);
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifests = files('{.,proto,libs/*,services/*,deploy}/package.json').map((path) => ({
  path,
  folder: dirname(path),
  ...(JSON.parse(text(path)) as {
    name: string;
    scripts?: Record<string, string>;
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  }),
}));
const sources = files('{proto,libs,services,deploy}/**/*.{ts,tsx}');

/** Names that a table of the operator's page has under a heading. */
const documentedUnder = (heading: string): (string | undefined)[] => {
  const [, section = ''] = text('docs/operations.md').split(`\n## ${heading}\n`);
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([a-z_-]+)` \|/gm)].map(([, name]) => name);
};

/** How high a package stands; imports only go down. */
const height = (folder: string): number =>
  ['proto', 'libs', 'services', 'deploy'].indexOf(folder.split('/')[0] ?? '');

describe('the house', () => {
  test('imports go down, and no service depends on a service', () => {
    const folderOf = new Map(manifests.map(({ name, folder }) => [name, folder]));
    const upward = manifests.flatMap(({ folder, dependencies = {}, devDependencies = {} }) =>
      Object.keys({ ...dependencies, ...devDependencies })
        .filter((name) => folderOf.has(name))
        .filter(
          (name) =>
            height(folderOf.get(name) ?? '') > height(folder) || folderOf.get(name)?.startsWith('services/'),
        )
        .map((name) => `${folder} depends on ${name}`),
    );
    expect(upward).toEqual([]);
  });

  test('every source file is reached from an entry point or a test', () => {
    const folderOf = new Map(manifests.map(({ name, folder }) => [name, folder]));
    const imported = (path: string): string[] =>
      [...text(path).matchAll(/(?:from|import|import\()\s*'([^']+\.tsx?)'/g)].map(([, specifier = '']) => {
        const [scope, name, ...rest] = specifier.split('/');
        return specifier.startsWith('.')
          ? join(dirname(path), specifier)
          : join(folderOf.get(`${scope}/${name}`) ?? '', ...rest);
      });
    const entries = sources.filter((path) =>
      /^services\/[^/]+\/(main\.tsx?|contract\.ts)$|^libs\/packs\/[^/]+\/pack\.ts$|^libs\/store\/\d{4}_\w+\.ts$|^libs\/agui-client\/example\.ts$|\.test\.ts$|^deploy\/(start|test|test-setup|tally|generate|migrate|provision|cli\/jangada|adversary\/adversary|proof\/(resume|sockets|cancel|guard|detection|audit|retention|scheduling|rebuild)|nlu\/(train|eval|section)|bench\/(bench|rls|commands|load|monolith|moleculer|unguarded\/(register|seal|body)))\.ts$/.test(
        path,
      ),
    );
    const reached = new Set<string>();
    const reach = (path: string): void => {
      if (reached.has(path) || !existsSync(join(root, path))) return;
      reached.add(path);
      for (const next of imported(path)) reach(next);
    };
    for (const entry of entries) reach(entry);
    expect(sources.filter((path) => !reached.has(path))).toEqual([]);
  });

  test('core code holds no word of a domain', () => {
    const core = sources.filter(
      (path) =>
        /^(proto|libs|services)\//.test(path) &&
        // The words of FHIR are those of the standard.
        !/libs\/(packs\/[^/]+\/|testkit)|(\.test|-examples|\/fhir)\.ts$/.test(path),
    );
    const found = core.filter((path) =>
      /\b(patient|resident|appointment|invoice|aesthetic|clinic)s?\b/i.test(text(path)),
    );
    expect(found).toEqual([]);
  });

  test('what a service is, decides and is made of is a page each: docs/adr/0014', () => {
    const lengths = sources
      .filter((path) => /^services\/[^/]+\/(contract|handler|main)\.ts$/.test(path))
      .map((path) => [path, text(path).split('\n').length - 1] as const);
    expect(lengths.length).toBeGreaterThan(20);
    expect(lengths.filter(([, lines]) => lines > 120)).toEqual([]);
  });

  test('every script of a package starts something that exists', () => {
    const missing = manifests.flatMap(({ folder, scripts = {} }) =>
      Object.values(scripts)
        .flatMap((script) => script.match(/\S+\.(?:ts|mjs)/g) ?? [])
        .filter((path) => !existsSync(join(root, folder, path))),
    );
    expect(missing).toEqual([]);
  });

  test('every link in a page leads somewhere', () => {
    const dead = files('**/*.md').flatMap((path) =>
      [...text(path).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('what the README shows of the client is what is tried', () => {
    const [, example = ''] = text('libs/agui-client/example.ts').split('const agent');
    expect(text('README.md')).toContain(`const agent${example}`);
  });

  test('every test and attack that the threat model names exists', () => {
    const page = text('docs/threat-model.md');
    const named = [...page.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+\.ts)\)/g)].filter(
      ([, title, path]) => title !== path,
    );
    const missing = named.filter(([, title, path = '']) => !text(path).includes(`'${title}'`));
    expect(missing.map(([link]) => link)).toEqual([]);
    expect(named.length).toBeGreaterThan(20);
    const attacks = new Set(readCases(ownCases)?.map(({ id }) => id));
    const called = [...page.matchAll(/`(OWN-[a-z-]+)`/g)].map(([, id = '']) => id);
    expect(called.filter((id) => !attacks.has(id))).toEqual([]);
  });

  test('every attack that is left to another test is in it', () => {
    const missing = elsewhere.flatMap(({ test: named }) => {
      const [path = '', title] = named?.split(/: (.*)/s) ?? [];
      return named && !text(path).includes(`'${title}'`) ? [named] : [];
    });
    expect(missing).toEqual([]);
  });

  test('every metric is documented, and every documented one exists', () => {
    const declared = sources
      .filter((path) => !path.endsWith('.test.ts'))
      .flatMap((path) =>
        [...text(path).matchAll(/metrics\s*\.\s*(?:counter|gauge|histogram)\(\s*'([a-z_]+)'/g)].map(
          ([, name]) => name,
        ),
      );
    expect([...new Set(declared)].sort()).toEqual(documentedUnder('Metrics').sort());
  });

  test('every span below a hop’s is documented, and every documented one exists', () => {
    const started = sources
      .filter((path) => !path.endsWith('.test.ts'))
      .flatMap((path) => [...text(path).matchAll(/\bspan\('([^']+)'\)/g)].map(([, name]) => name));
    expect([...new Set(started)].sort()).toEqual(documentedUnder('Traces').sort());
  });

  test('nothing is left to be mended later', () => {
    const word = new RegExp(['TO', 'DO|FIX', 'ME'].join(''));
    expect(sources.filter((path) => word.test(text(path)))).toEqual([]);
  });

  test('a page has one title', () => {
    const titles = (path: string): number =>
      text(path)
        .replace(/```[\s\S]*?```/g, '')
        .match(/^# /gm)?.length ?? 0;
    expect(files('{*.md,docs/**/*.md}').filter((path) => titles(path) !== 1)).toEqual([]);
  });
});
