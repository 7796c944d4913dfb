import { type Kysely, sql } from 'kysely';

/**
 * What retention has planned, item by item, before it touches anything, what came of each, and who agreed. Items name rows
 * by their key and by a hash, and hold nothing of what stood in them.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table retention_plans (
      tenant_id text not null references tenants,
      -- The occasion: a day, or somebody's asking.
      tick text not null,
      class text not null,
      -- The version of the rule, and the moment before which its time is over.
      policy text not null,
      before timestamptz not null,
      asked_by text not null,
      -- All below it is known once everything is listed.
      planned_at timestamptz,
      planned int,
      rows_then bigint,
      root bytea check (length(root) = 32),
      -- Why a second person has to agree; null where nobody has to.
      needs text check (needs in ('new-policy', 'share', 'jump')),
      finished_at timestamptz,
      primary key (tenant_id, tick, class)
    );
    create index retention_plans_class on retention_plans (tenant_id, class, planned_at);
    create index retention_plans_open on retention_plans (tenant_id) where finished_at is null;

    create table retention_items (
      tenant_id text not null,
      tick text not null,
      class text not null,
      -- Its place among the leaves, from 0.
      n int not null,
      key text[] not null,
      -- What its time counts from.
      at timestamptz not null,
      leaf bytea not null check (length(leaf) = 32),
      outcome text check (outcome in ('deleted', 'held', 'statutory', 'failed')),
      primary key (tenant_id, tick, class, n),
      foreign key (tenant_id, tick, class) references retention_plans on delete cascade
    );
    create index retention_items_open on retention_items (tenant_id, tick, class, n) where outcome is null;

    create table retention_approvals (
      tenant_id text not null,
      tick text not null,
      class text not null,
      -- Of the plan that was agreed to, and no other.
      root bytea not null,
      approved_by text not null,
      approved_at timestamptz not null default now(),
      primary key (tenant_id, tick, class),
      foreign key (tenant_id, tick, class) references retention_plans on delete cascade
    );

    alter table legal_holds add column placed_by text, add column released_by text;
  `.execute(db);
};
