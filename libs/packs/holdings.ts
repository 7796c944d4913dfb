import { columnOf } from './column.ts';
import type { Pack, Source } from './pack.ts';
import { peopleOf } from './rules.ts';

/**
 * Where a tenant's tables hold somebody, and how long the law has it kept whatever they ask: the core's tables, and those of
 * the pack from the sources that say whom a row is about.
 */
export interface Holding {
  /** The class of retention; of the core's tables that the pack has no rule for, their name. */
  readonly class: string;
  readonly table: string;
  /** The column that names the person. */
  readonly subject: string;
  /** Set where the column names an account of the person. */
  readonly byAccount?: true;
  /** The column that ages rows. */
  readonly age?: string;
  /** For how long from then on rows are kept (ISO 8601), and by what law. */
  readonly keptFor?: { readonly period: string; readonly basis: string };
  /** Where the time counts from the newest of several tables, which together are one record: those that do. */
  readonly record?: readonly Pick<Holding, 'table' | 'subject' | 'age'>[];
  /** Columns that the person is told; all that say something, where none are named. */
  readonly told?: readonly string[];
}

/** That consent was given is for the controller to prove, and that somebody reached for data for them to account for. */
const proof = { period: 'P5Y', basis: 'LGPD art. 8 § 2, CC art. 206 § 5' };
const account = { period: 'P5Y', basis: 'LGPD art. 37' };

/** Tables of the core, in an order in which rows may go. */
const ofCore: readonly Holding[] = [
  { class: 'consents', table: 'consents', subject: 'subject_id', age: 'recorded_at', keptFor: proof },
  // Without it nothing is read that takes consent: what is kept is restricted to those who must.
  { class: 'consents', table: 'consent_levels', subject: 'subject_id', told: ['level'] },
  { class: 'care_relationships', table: 'care_relationships', subject: 'subject_id' },
  { class: 'emergencies', table: 'emergencies', subject: 'subject_id', age: 'at', keptFor: account },
  { class: 'interrupts', table: 'interrupts', subject: 'subject_id', told: ['at', 'action'] },
  { class: 'conversations', table: 'ai_agent_conversations', subject: 'subject_id' },
  { class: 'agent_sessions', table: 'ai_agent_sessions', subject: 'subject_id' },
  { class: 'feedback', table: 'feedback', subject: 'subject_id' },
  { class: 'bookings', table: 'bookings', subject: 'subject_id' },
  { class: 'bookings', table: 'event_keys', subject: 'subject_id', told: [] },
  {
    ...{ class: 'accounts', table: 'sessions', subject: 'account_id', byAccount: true },
    told: ['created_at', 'used_at', 'ended_at'],
  },
  { class: 'accounts', table: 'second_factors', subject: 'id', byAccount: true, told: [] },
  { class: 'accounts', table: 'accounts', subject: 'person_id', told: ['alias', 'email', 'role'] },
];

/** Tables of a pack that hold people, the people themselves last. */
export const heldOf = (pack: Pack): readonly Holding[] => {
  const people = peopleOf(pack)?.table;
  const records = pack.retention.flatMap(({ anchor, table, person, ageColumn }) =>
    anchor === 'lastEntry' && table && person && ageColumn
      ? [{ table, subject: person, age: ageColumn }]
      : [],
  );
  const held = Object.values(pack.sources).flatMap(({ table, subject }: Source): Holding[] => {
    // What is of the core stands above.
    if (!subject?.column.startsWith(`${table}.`) || ofCore.some((known) => known.table === table)) return [];
    const rule = pack.retention.find((one) => one.table === table);
    const keptFor = rule?.legalMin ? { period: rule.legalMin, basis: rule.basis } : undefined;
    return [
      {
        ...{ class: rule?.class ?? table, table, subject: columnOf(subject.column) },
        ...(rule?.ageColumn ? { age: rule.ageColumn } : {}),
        ...(keptFor ? { keptFor } : {}),
        ...(records.some((record) => record.table === table) ? { record: records } : {}),
      },
    ];
  });
  return held.sort((a, b) => Number(a.table === people) - Number(b.table === people));
};

/** Everything that holds somebody, in an order in which rows may go. A hold names the core's tables as the pack's rules do. */
export const holdingsOf = (pack: Pack): readonly Holding[] => [
  ...ofCore.map((known) => ({
    ...known,
    class: pack.retention.find(({ table }) => table === known.table)?.class ?? known.class,
  })),
  ...heldOf(pack),
];

/** Fields of the people themselves that they may have corrected, with their columns. */
export const correctable = (pack: Pack): ReadonlyMap<string, string> => {
  const people = peopleOf(pack)?.table;
  const source = Object.values(pack.sources).find(({ table }) => table === people);
  return new Map(
    Object.entries(source?.fields ?? {}).flatMap(([field, { kind, column }]) =>
      kind === 'personal' && column.startsWith(`${people}.`) ? [[field, columnOf(column)] as const] : [],
    ),
  );
};
