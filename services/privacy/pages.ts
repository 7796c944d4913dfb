import { Writable } from 'node:stream';
import { type Part, writePdf } from '@jangada/document/document.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { Request } from './request.ts';
import type { Told } from './rows.ts';

/** What somebody is told of themselves, to be read: one part for each place, with why it is there. */

const words = {
  'pt-BR': {
    title: 'Seus dados pessoais',
    asked: 'Solicitação',
    origin: 'Origem: registros desta organização. Conservação',
    law: 'por prazo legal',
  },
  en: {
    title: 'Your personal data',
    asked: 'Request',
    origin: 'Origin: the records of this organisation. Kept',
    law: 'as long as the law demands',
  },
} as const;

export const pdfOf = async (
  pack: Pack,
  { id, at, type }: Request,
  told: readonly Told[],
  locale: Locale,
): Promise<Uint8Array> => {
  const { title, asked, origin, law } = words[locale];
  const { classes } = pack.wording[locale];
  const parts = told
    .filter(({ rows }) => rows.length > 0)
    .flatMap(({ holding, rows }): Part[] => {
      const columns = Object.keys(rows[0] ?? {});
      const why = holding.keptFor ? `${law}: ${holding.keptFor.basis}` : 'LGPD, art. 15';
      return [
        { heading: classes[holding.class] ?? holding.table },
        { text: `${origin} ${why}.` },
        { columns, rows: rows.map((row) => columns.map((column) => String(row[column] ?? ''))) },
      ];
    });
  const chunks: Buffer[] = [];
  const collect = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const footer = `${asked} ${id} (${type})`;
  await writePdf({ title, language: locale, at: new Date(String(at)), footer, parts }, collect);
  return Buffer.concat(chunks);
};
