import { type Kysely, sql } from 'kysely';

/** How each account usually reads, and what was raised where it did not. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table alert_states (
      tenant_id text not null,
      -- The account.
      id text not null,
      state jsonb not null,
      primary key (tenant_id, id)
    );

    create table alerts (
      tenant_id text not null,
      -- Made of the account, the rule and the occasion, so that what goes on is one alert.
      id text not null,
      -- Of the fact that raised it: heard again, it raises the same.
      sequence bigint not null,
      at timestamptz not null,
      actor text not null,
      session text,
      rule text not null,
      severity text not null check (severity in ('note', 'warning', 'critical')),
      value float8 not null,
      threshold float8 not null,
      -- Sessions that were ended for it.
      ended text[] not null,
      primary key (tenant_id, id)
    );
    create index alerts_sequence on alerts (tenant_id, sequence);
    create index alerts_at on alerts (at);
  `.execute(db);
};
