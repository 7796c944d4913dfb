import { written } from '@jangada/store/store.ts';
import { type Compilable, sql } from 'kysely';

/** What of the table of agendas times that are free are read from. */

const table = 'agenda_times';

/** What was last said of a stretch of time in one agenda. */
export interface AgendaTime {
  /** Whose it is, as of every row that is read. */
  readonly _tenants: string;
  /** See `agendaIdOf` in libs/bookings. */
  readonly agenda: string;
  readonly kind: 'taken' | 'opened';
  /** ISO 8601. */
  readonly from: string;
  readonly until: string;
  /** Of what is opened: the parts in which somebody is there. */
  readonly open: readonly { readonly from: string; readonly until: string }[];
}

export const timetableColumns = ['agenda_id', 'kind', 'starts_at', 'ends_at', 'open', 'version'].map(
  (column) => `${table}.${column}`,
);

/** Of these agendas, each in the order in which it was said. */
export const agendaTimes = (agendas: readonly string[]): Compilable<AgendaTime> =>
  written(sql<AgendaTime>`
    select tenant_id as _tenants, agenda_id as agenda, kind, starts_at as "from", ends_at as until, open
    from ${sql.table(table)} where agenda_id = any (${agendas}::text[]) and kind <> 'freed' order by version`);
