import { describe, expect, test } from 'vitest';
import { blocksOf } from './blocks.ts';

describe('an answer', () => {
  test('whose lines have as many parts is a table', () => {
    expect(blocksOf('2 itens:\n- 10h · Ana\n- 11h · Bia\nMostrando 2.')).toEqual([
      { kind: 'text', text: '2 itens:' },
      {
        kind: 'table',
        rows: [
          ['10h', 'Ana'],
          ['11h', 'Bia'],
        ],
      },
      { kind: 'text', text: 'Mostrando 2.' },
    ]);
  });

  test('of one line, or of uneven ones, is a list', () => {
    expect(blocksOf('- 10h · Ana')).toEqual([{ kind: 'list', lines: ['10h · Ana'] }]);
    expect(blocksOf('- 10h · Ana\n- 11h')).toEqual([{ kind: 'list', lines: ['10h · Ana', '11h'] }]);
  });

  test.each([
    ['pt-BR', '- 20/11/2026: 3\n- 21/11/2026: 1.204, R$ 90,00', [3, 1_204]],
    ['en', '- 11/20/26: 3\n- 11/21/26: 1,204, $90.00', [3, 1_204]],
  ])('that tells a figure of each day is a series, as %s writes it', (_locale, text, values) => {
    const [block] = blocksOf(text);
    expect(block).toMatchObject({ kind: 'series', points: values.map((value) => ({ value })) });
  });

  test('that tells something else of a day is none', () => {
    expect(blocksOf('- 20/11/2026: fechado\n- 21/11/2026: 1')[0]?.kind).toBe('list');
  });
});
