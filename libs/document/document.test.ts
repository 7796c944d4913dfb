import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { textsOf } from '@jangada/testkit/pdf.ts';
import { expect, test } from 'vitest';
import { type Document, type Part, writePdf } from './document.ts';

const written = async (parts: readonly Part[]): Promise<Buffer> => {
  const document: Document = {
    title: 'Quem leu os meus dados',
    language: 'pt-BR',
    at: new Date('2026-03-02T12:00:00Z'),
    footer: 'clinica-aurora',
    parts,
  };
  const to = new PassThrough();
  const [bytes] = await Promise.all([buffer(to), writePdf(document, to)]);
  return bytes;
};

test('a document holds its title, headings, texts and tables, in Portuguese too', async () => {
  const pdf = await written([
    { heading: 'Finalidade' },
    { text: 'Prestação de serviços de saúde — às três, ção, “õ”, € 3' },
    { columns: ['quem', 'quando'], widths: [1, 2], rows: [['maría', '2026-03-02']] },
    { text: 'letters of others: 漢' },
  ]);
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  const [page = '', ...more] = textsOf(pdf);
  expect(more).toEqual([]);
  const texts = [
    'Quem leu os meus dados',
    'Finalidade',
    'Prestação de serviços de saúde — às três, ção, “õ”, € 3',
    'quem',
    'quando',
    'maría',
    '2026-03-02',
    'letters of others: ?',
    'clinica-aurora · 1',
  ];
  for (const text of texts) expect(page.split('\n')).toContain(text);
});

test('a table goes on over pages, each with the head of the table and a number, and no row is lost', async () => {
  const rows = Array.from({ length: 200 }, (_, at) => [`row ${at}`, 'a long word '.repeat(at % 20)]);
  const pages = textsOf(await written([{ columns: ['name', 'what'], rows }])).map((page) => page.split('\n'));
  expect(pages.length).toBeGreaterThan(5);
  pages.forEach((page, at) => {
    expect(page).toContain(`clinica-aurora · ${at + 1}`);
    expect(page).toContain('what');
  });
  expect(pages.flat().filter((text) => text.startsWith('row '))).toEqual(rows.map(([name]) => name));
});

test('a cell that is higher than a page is cut on its own page', async () => {
  const pages = textsOf(await written([{ columns: ['what'], rows: [['word '.repeat(9_000)], ['next']] }]));
  expect(pages).toHaveLength(3);
  expect(pages[2]).toContain('next');
});

test('the same document is the same bytes, and rows that cannot be read end it', async () => {
  const parts = [{ text: 'the same' }];
  expect((await written(parts)).equals(await written(parts))).toBe(true);
  const broken = (async function* () {
    yield ['one'];
    throw new Error('no more rows');
  })();
  await expect(written([{ columns: ['a'], rows: broken }])).rejects.toThrow('no more rows');
});
