import type { AgendaChange } from '@jangada/proto/booking.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import type { AgendaEvent } from './event.ts';

/** Makes rows of the time of agendas from their events. */

/** What is said of one stretch of time in place of what was said of it before: by who holds it, or by where it begins. */
const keyOf = (id: string, change: AgendaChange): string =>
  `${id} ${change.type === 'opened' ? change.within.from : change.holder}`;

const rowOf = ({ id, body: { version } }: AgendaEvent, change: AgendaChange) => {
  const span = change.type === 'opened' ? change.within : change.type === 'taken' ? change : undefined;
  return {
    ...{ id: keyOf(id, change), agenda_id: id, kind: change.type, version },
    ...{ starts_at: span?.from ?? null, ends_at: span?.until ?? null },
    open: change.type === 'opened' ? change.open : [],
  };
};

/** Events in any order and however often: the last that was said holds. Rows are taken in the order of their ids, as every other process does. */
export const projectAgendas = async (
  transaction: Transaction,
  tenant: string,
  events: readonly AgendaEvent[],
): Promise<void> => {
  const rows = new Map<string, ReturnType<typeof rowOf>>();
  for (const event of events)
    for (const row of event.body.changes.map((change) => rowOf(event, change)))
      if (row.version >= (rows.get(row.id)?.version ?? 0)) rows.set(row.id, row);
  if (rows.size === 0) return;
  const said = [...rows.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  await transaction.rows(
    written(sql`
      insert into agenda_times (tenant_id, id, agenda_id, kind, starts_at, ends_at, open, version)
      select ${tenant}, said.* from jsonb_to_recordset(${JSON.stringify(said)}::jsonb)
        as said (id text, agenda_id text, kind text, starts_at timestamptz, ends_at timestamptz, open jsonb, version int)
      on conflict (tenant_id, id) do update set
        kind = excluded.kind, starts_at = excluded.starts_at, ends_at = excluded.ends_at, open = excluded.open,
        version = excluded.version
        where agenda_times.version < excluded.version`),
  );
};
