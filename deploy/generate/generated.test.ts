import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { messages } from '@jangada/proto/catalogue.ts';
import { describe, expect, test } from 'vitest';
import { generatedDir, render } from '../generate.ts';
import { collect, saidBy } from '../topology.ts';
import { asyncapi } from './asyncapi.ts';
import { users } from './nats.ts';

const contracts = await collect();
const rendered = await render();

describe('what is generated', () => {
  test.each([...rendered.keys()])('%s is what the contracts say; else run `npm run generate`', (file) => {
    expect(readFileSync(join(generatedDir, file), 'utf8')).toBe(rendered.get(file));
  });
});

describe('the AsyncAPI document', () => {
  const parse = async (document: unknown) =>
    (await new Parser().parse(JSON.stringify(document))).diagnostics.filter(({ severity }) => severity === 0);

  test('is valid AsyncAPI 3.0', async () => {
    expect(await parse(asyncapi(contracts, '1.2.3'))).toEqual([]);
  });

  test('would be found invalid with a reference to nothing', async () => {
    const document = asyncapi(contracts, '1.2.3');
    expect(await parse({ ...document, components: { ...document.components, schemas: {} } })).not.toEqual([]);
  });

  test('has every message with its body, and who says and hears it', () => {
    const { components, operations } = asyncapi(contracts, '1.2.3');
    expect(Object.keys(components.messages)).toHaveLength(messages.length);
    expect(components.schemas['run_requested']).toMatchObject({
      anyOf: [
        { type: 'object', required: ['question'] },
        { type: 'object', required: ['about', 'subjectId'] },
      ],
    });
    const sends = Object.values(operations).filter(({ action }) => action === 'send');
    expect(sends).toHaveLength(contracts.flatMap(saidBy).length);
  });
});

describe('the journey page', () => {
  const page = rendered.get('journey.md') ?? '';

  test('tells of every service and every message, in the words of their declarations', () => {
    for (const { name } of contracts) expect(page).toContain(`[${name}](../../services/${name}/contract.ts)`);
    for (const { name, says } of messages) expect(page).toContain(`### ${name}\n\n${says}`);
  });

  test('links to nothing that is not there', () => {
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(
      ([, title = '']) =>
        `#${title
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`,
    );
    for (const [, target = ''] of page.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith('#')) expect(anchors).toContain(target);
      else
        expect([target, existsSync(join(dirname(join(generatedDir, 'journey.md')), target))]).toEqual([
          target,
          true,
        ]);
    }
  });

  test('draws a line from each service to the next', () => {
    for (const line of [
      'edge -- run.requested --> intent',
      'data_access -- run.found --> tools',
      'data_access & tools -- run.fetched --> response_generation',
      'facts([every fact]) -.-> audit',
    ]) {
      expect(page).toContain(line);
    }
  });
});

describe('the rights at the broker', () => {
  test('let only permission say that something is permitted', () => {
    const may = [...users(contracts)]
      .filter(([, { publish }]) => publish.includes('run.permitted.*.*'))
      .map(([name]) => name);
    // Dead letters are sent back with the pass and grant that they had, by who has no key of bodies.
    expect(may).toEqual(['permission', 'retention', 'operator']);
  });

  test('give nobody but the provisioner a hand in streams and consumers, save dead letters', () => {
    const changing = /^(>|\$JS\.API\.(>|.*(CREATE|UPDATE|DELETE|PURGE|LEADER|SNAPSHOT|RESTORE)))/;
    const hands = [...users(contracts)].map(([name, { publish }]) => [
      name,
      publish.filter((subject) => changing.test(subject)),
    ]);
    expect(hands.filter(([, subjects]) => subjects?.length)).toEqual([
      ['retention', ['$JS.API.STREAM.MSG.DELETE.DEAD']],
      ['operator', ['$JS.API.STREAM.MSG.DELETE.DEAD']],
      ['provisioner', ['$JS.API.>']],
    ]);
  });
});
