import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { declared } from '@jangada/agenda/declared.ts';
import { rulesWith } from '@jangada/nlu/guard-rules.ts';
import type { Command, Option } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { openProgram } from './cli/program.ts';
import { root } from './topology.ts';

// What pages show is what there is: a command that they name is one, and data that they give is taken.

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = globSync(['*.md', 'docs/**/*.md', 'libs/*/*.md', 'deploy/*/*.md'], { cwd: root }).map(String);

/** Every `npx jangada …` of a page, without what a shell does with it. */
const calls = pages.flatMap((page) =>
  [...textOf(page).matchAll(/npx jangada ([^`\n]*)/g)].map(
    ([, line = '']) => [page, (line.split(/\s+#|\s+[|>&] ?/)[0] ?? '').trim()] as const,
  ),
);

/** What is wrong with a call, and undefined where nothing is. */
const faultOf = (program: Command, line: string): string | undefined => {
  let command = program;
  let options: readonly Option[] = program.options;
  let operands = 0;
  const words = line.replace(/[[\]]/g, '').match(/"[^"]*"|(?:<[^>]*>|[^\s<])+/g) ?? [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--help') continue;
    if (word.startsWith('--')) {
      const option = options.find(({ long }) => long === word);
      if (!option) return `${command.name()} has no ${word}`;
      if (option.required) at++;
      continue;
    }
    const [below, ...others] = word
      .split('|')
      .map((name) => command.commands.find((one) => one.name() === name));
    if (command.commands.length > 0) {
      if (!below || others.includes(undefined)) return `${command.name()} has no ${word}`;
      command = below;
      options = [...options, ...command.options];
    } else operands++;
  }
  const { registeredArguments: takes } = command;
  return operands > takes.length && !takes.at(-1)?.variadic ? `${command.name()} takes fewer` : undefined;
};

describe('a page', () => {
  let program: Command;
  beforeAll(async () => {
    program = await openProgram();
  }, 120_000);

  test('names commands that there are, with options that they take', () => {
    const wrong = calls.flatMap(([page, line]) => {
      const fault = faultOf(program, line);
      return fault ? [`${page}: jangada ${line}: ${fault}`] : [];
    });
    expect(wrong).toEqual([]);
    expect(calls.length).toBeGreaterThan(100);
  });

  test.each([
    ['forecast', 'jangada has no forecast'],
    ['run forget', 'run has no forget'],
    ['keys list --colour', 'list has no --colour'],
    ['dlq show 1 2', 'show takes fewer'],
  ])('that named `%s` would be told of', (line, fault) => {
    expect(faultOf(program, line)).toBe(fault);
  });

  test('names scripts that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) => [...textOf(page).matchAll(/npm run ([a-z][\w:-]*)/g)]);
    expect(named.map(([, name = '']) => name).filter((name) => !scripts[name])).toEqual([]);
    expect(named.length).toBeGreaterThan(20);
  });

  const firstJson = (page: string): string =>
    /```json\n([\s\S]*?)```/.exec(textOf(page))?.[1] ?? `${page} gives none`;

  test('gives rules of the guard that are taken', () => {
    const { signs } = rulesWith(firstJson('docs/guard.md'));
    expect(signs.some(({ pattern }) => pattern.test('abre te sesamo'))).toBe(true);
  });

  test('gives hours of a tenant that are taken', () => {
    expect(declared.parse(JSON.parse(firstJson('docs/scheduling.md'))).week).toHaveProperty('6');
  });
});
