import { Writable } from 'node:stream';
import { fitted, type Part, writePdf } from '@jangada/document/document.ts';
import { columnOf } from '@jangada/packs/column.ts';
import type { Pack, Wording } from '@jangada/packs/pack.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { Names } from './names.ts';
import type { Reading } from './readers.ts';
import type { Request } from './request.ts';
import type { Row, Told } from './rows.ts';
import { words } from './words.ts';

/** What somebody is told of themselves, to be read: of each kind of data what it is, what for, and why it is still there. */

export interface About {
  readonly pack: Pack;
  readonly request: Request;
  readonly tenant: {
    readonly name: string;
    readonly time_zone: string;
    readonly locale: Locale;
    readonly currency: string;
  };
  readonly told: readonly Told[];
  readonly names: Names;
  /** Undefined where they did not ask who read. */
  readonly readings: readonly Reading[] | undefined;
}

/** With how times and money are written where the tenant is. */
interface Pages extends About {
  readonly money: Intl.NumberFormat;
  readonly moment: Intl.DateTimeFormat;
  readonly day: Intl.DateTimeFormat;
}

export const pdfOf = async (about: About): Promise<Uint8Array> => {
  const { request, tenant } = about;
  const { locale, time_zone: timeZone, currency } = tenant;
  const { title, asked, types } = words[locale];
  const chunks: Buffer[] = [];
  const collect = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const parts = partsOf({
    ...about,
    money: new Intl.NumberFormat(locale, { style: 'currency', currency }),
    moment: new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'short', timeStyle: 'short' }),
    day: new Intl.DateTimeFormat(locale, { timeZone: 'UTC', dateStyle: 'short' }),
  });
  const footer = `${tenant.name} · ${asked} ${request.id} (${types[request.type]})`;
  await writePdf({ title, language: locale, at: new Date(String(request.at)), footer, parts }, collect);
  return Buffer.concat(chunks);
};

const partsOf = (about: Pages): readonly Part[] => {
  const { request, tenant, told, names, readings } = about;
  const w = words[tenant.locale];
  // Whose data these are comes first, and what goes last.
  const kinds = Map.groupBy(
    told.filter(({ rows }) => rows.length > 0).toReversed(),
    ({ holding }) => holding.class,
  );
  return [
    {
      text: `${tenant.name}. ${w.asked} ${request.id} (${w.types[request.type]}), ${about.moment.format(new Date(String(request.at)))}.`,
    },
    { text: kinds.size > 0 ? w.what : w.none },
    ...[...kinds].flatMap(([kind, places]) => kindOf(about, kind, places)),
    ...recipientsOf(about),
    ...(readings
      ? [
          { heading: w.readers },
          tableOf(
            w.reading,
            readings.map(({ at, account, role, purpose, data }) => [
              cellOf(about, 'at', at),
              names.accounts.get(account) ?? account,
              cellOf(about, 'role', role),
              purpose ? cellOf(about, 'purpose', purpose) : w.usual,
              wordingOf(about).nouns[data ?? '']?.[1] ?? data ?? '',
            ]),
            w.unread,
          ),
        ]
      : []),
  ];
};

const wordingOf = ({ pack, tenant }: Pick<About, 'pack' | 'tenant'>): Wording => pack.wording[tenant.locale];

/** What is kept of one kind, table by table. */
const kindOf = (about: Pages, kind: string, places: readonly Told[]): readonly Part[] => {
  const w = words[about.tenant.locale];
  const { classes, columns: called = {} } = wordingOf(about);
  const purposes = purposesOf(about, places);
  const law = places.find(({ holding }) => holding.keptFor)?.holding.keptFor?.basis;
  const why = [
    ...(purposes.length > 0 ? [`${w.used} ${purposes.join(', ')}.`] : []),
    law ? `${w.byLaw} ${law}.` : w.kept,
  ];
  const tables = places.flatMap(({ rows }) => {
    const columns = Object.keys(called).filter((column) => rows.some((row) => says(row[column])));
    const cells = rows.map((row) => columns.map((column) => cellOf(about, column, row[column])));
    return columns.length > 0
      ? [
          fitted(
            columns.map((column) => called[column] ?? ''),
            cells,
          ),
        ]
      : [];
  });
  return [{ heading: capital(classes[kind] ?? kind) }, { text: why.join(' ') }, ...tables];
};

const says = (value: Row[string]): boolean => value !== null && value !== undefined && value !== '';
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What a kind of data may be used for. */
const purposesOf = ({ pack, tenant }: About, places: readonly Told[]): readonly string[] => {
  const tables = new Set(places.map(({ holding }) => holding.table));
  const resources = Object.values(pack.sources).flatMap(({ table, resource }) =>
    tables.has(table) ? [resource] : [],
  );
  return Object.entries(pack.purposes)
    .filter(([, purpose]) => purpose.resources.some((resource) => resources.includes(resource)))
    .flatMap(([name]) => pack.wording[tenant.locale].labels?.['purpose']?.[name] ?? []);
};

/** Whom data are passed on to (LGPD, art. 18, VII). */
const recipientsOf = (about: About): readonly Part[] => {
  const w = words[about.tenant.locale];
  const { classes, recipients } = wordingOf(about);
  const given = (about.pack.recipients ?? []).map(({ name, classes: kinds }) => [
    recipients?.[name] ?? name,
    kinds.map((kind) => classes[kind] ?? kind).join(', '),
  ]);
  return [{ heading: w.recipients }, tableOf(w.given, given, w.nobody)];
};

const tableOf = (columns: readonly string[], rows: readonly (readonly string[])[], none: string): Part =>
  rows.length === 0 ? { text: none } : fitted(columns, rows);

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const day = /^\d{4}-\d\d-\d\d$/;

/** A value as people read it: a time of their place, a sum of their money, a name for an id, a word for a state. */
const cellOf = (about: Pages, column: string, value: unknown): string => {
  if (value === null || value === undefined) return '';
  const { pack, names } = about;
  const text = String(value);
  if (isTie(pack, column)) return names.providers.get(text) ?? text;
  if (isAmount(pack, column)) return about.money.format(Number(text));
  if (instant.test(text)) return about.moment.format(new Date(text));
  if (day.test(text)) return about.day.format(new Date(text));
  const { states, labels, emergency } = wordingOf(about);
  const known = column === 'reason' ? emergency?.reasons : isState.has(column) ? states : undefined;
  return labels?.[column]?.[text] ?? known?.[text] ?? text;
};

const isState: ReadonlySet<string> = new Set(['status', 'action']);

/** Whether a column names who provides. */
const isTie = ({ sources }: Pack, column: string): boolean =>
  column === 'provider_id' ||
  (column.endsWith('_id') &&
    Object.values(sources).some(({ provider }) => provider && columnOf(provider.column) === column));

const isAmount = ({ sources }: Pack, column: string): boolean =>
  Object.values(sources).some(({ amount }) => amount && columnOf(amount) === column);
