import { indexOf } from '@jangada/vault/rows.ts';
import { columnOf, tableOf } from './column.ts';
import type { Audience } from './knowledge.ts';
import type { Pack, Source } from './pack.ts';
import { consentOf, resourcesByTable } from './rules.ts';
import { timetableColumns } from './timetable.ts';

/** A table that answers are read from. */
export interface Readable {
  readonly table: string;
  /** The column that says whom a row is about; absent for what is about nobody and the same for all of a tenant. */
  readonly subject: string | undefined;
  /** True where nobody but whom a row is of reads it. */
  readonly isOwn: boolean;
  /** See `guardedConsent`. */
  readonly consent: readonly string[] | undefined;
  /** Columns by purpose; a purpose that may read none of them is absent. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  /** See `Audience`. */
  readonly audience: Audience | undefined;
}

/** Ties without values, that a statement needs whoever's names it may not tell. */
const structure = ['tenant_id', 'id'];

/**
 * Levels of consent that row-level security asks for, any of which whom a row is about must have given; undefined where
 * it asks for none. Not for rows that are the people themselves: every list joins them, and to ask twice in one
 * statement takes more than row-level security may cost. What it does not ask for, the statement has to.
 */
export const guardedConsent = (pack: Pack, { table, resource, subject }: Source): Readable['consent'] =>
  subject && subject.table !== table ? consentOf(pack, new Set([resource])) : undefined;

/**
 * What statements of read.ts may touch: the columns that sources declare and nothing else of a table, each for the
 * purposes that cover its resource. The database's rights are made of it.
 * @throws Error when two sources disagree about whom the rows of a table are about, or what consent they take
 */
export const readables = (packs: readonly Pack[]): readonly Readable[] => {
  const subjects = new Map<string, string>();
  const owned = new Set<string>();
  const consents = new Map<string, readonly string[] | undefined>();
  const columns = new Map<string, Map<string, Set<string>>>();
  const audiences = new Map<string, Audience>();
  const open = (table: string, column: string, purpose: string): void => {
    const ofTable = columns.get(table) ?? new Map<string, Set<string>>();
    const ofPurpose = ofTable.get(purpose) ?? new Set(structure);
    columns.set(table, ofTable.set(purpose, ofPurpose.add(column)));
  };
  const tie = (table: string, column: string): void => {
    const known = subjects.get(table);
    if (known !== undefined && known !== column)
      throw new Error(`rows of ${table} are about ${known} and about ${column}`);
    subjects.set(table, column);
  };
  for (const pack of packs) {
    const byTable = resourcesByTable(pack);
    for (const source of Object.values(pack.sources)) {
      const levels = guardedConsent(pack, source);
      if (consents.has(source.table) && `${consents.get(source.table)}` !== `${levels}`)
        throw new Error(`rows of ${source.table} take different consents`);
      consents.set(source.table, levels);
      if (source.audience) audiences.set(source.table, source.audience);
      if (source.subject) {
        tie(source.table, columnOf(source.subject.column));
        tie(source.subject.table, 'id');
      }
      if (source.owner) {
        tie(source.table, columnOf(source.owner));
        owned.add(source.table);
      }
      for (const [purpose, { resources }] of Object.entries(pack.purposes)) {
        if (!resources.includes(source.resource)) continue;
        for (const [table, column] of mentioned(source)) {
          const isCovered = resources.includes(byTable.get(table) ?? '');
          if (isCovered || structure.includes(column)) open(table, column, purpose);
        }
      }
    }
  }
  return [...columns].map(([table, purposes]) => ({
    table,
    subject: subjects.get(table),
    isOwn: owned.has(table),
    consent: consents.get(table),
    audience: audiences.get(table),
    columns: new Map([...purposes].map(([purpose, names]) => [purpose, [...names].sort()])),
  }));
};

/** Every column that a source names, with its table. */
const mentioned = (source: Source): readonly (readonly [table: string, column: string])[] => {
  const ties = [source.subject, source.provider].filter((tie) => tie !== undefined);
  const references = [
    ...Object.values(source.fields).flatMap(({ column, sealed }) =>
      sealed?.index ? [column, indexOf(column)] : [column],
    ),
    ...ties.flatMap(({ column, table }) => [column, `${table}.id`, `${table}.full_text_search`]),
    ...[source.at, source.amount, source.order.column, source.owner, source.thread, source.language].filter(
      (column) => column !== undefined,
    ),
    ...(source.knowledge
      ? [source.knowledge.title, source.knowledge.text, source.knowledge.category.column]
      : []),
    ...(source.audience ? [source.audience.column] : []),
    ...(source.timetable ? timetableColumns : []),
    ...[...Object.values(source.states), ...Object.values(source.facets ?? {}), ...source.usually].map(
      ({ column }) => column,
    ),
    ...Object.values(source.perDay ?? {}).flatMap(
      (figure) => figure.match(new RegExp(`\\b${source.table}\\.\\w+`, 'g')) ?? [],
    ),
    `${source.table}.id`,
  ];
  return references.map((reference) => [tableOf(reference), columnOf(reference)]);
};
