import { type Kysely, sql } from 'kysely';

/** What the events of agendas amount to: what was last said of each stretch of time in one, and of nobody. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table agenda_times (
      tenant_id text not null references tenants,
      id text not null,
      -- A hash of whose day it is.
      agenda_id text not null,
      kind text not null check (kind in ('taken', 'freed', 'opened')),
      starts_at timestamptz,
      ends_at timestamptz,
      open jsonb not null default '[]',
      version int not null,
      primary key (tenant_id, id),
      check (kind = 'freed' or starts_at < ends_at)
    );
    create index agenda_times_agenda on agenda_times (tenant_id, agenda_id);
  `.execute(db);
};
