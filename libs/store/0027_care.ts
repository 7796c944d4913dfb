import { type Kysely, sql } from 'kysely';

/** Whom data were passed on to is told that they went; rows may lose columns instead of going; alerts age. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Those who were given what a request destroyed or corrected: name, and who told them when, once somebody has.
    alter table privacy_requests add column recipients jsonb not null default '[]';

    alter table retention_items drop constraint retention_items_outcome_check;
    alter table retention_items add constraint retention_items_outcome_check
      check (outcome in ('deleted', 'changed', 'held', 'statutory', 'failed'));

    create index alerts_age on alerts (tenant_id, at, id);
    alter table alert_states add column at timestamptz not null default now();
    create index alert_states_age on alert_states (tenant_id, at, id);
  `.execute(db);
};
