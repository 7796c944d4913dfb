import { type Kysely, sql } from 'kysely';

/** What computing costs. Row-level security and rights are added from the contracts, see deploy/generated/roles.sql. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- One price of one accelerator for one hour, as a provider offers it, where and when it was read.
    create table cloud_prices (
      tenant_id text not null references tenants,
      id text not null,
      provider text not null,
      model text not null,
      sku text not null,
      region text not null,
      purchase text not null check (purchase in ('on_demand', 'spot', 'reserved_1y', 'reserved_3y')),
      price numeric(14, 6) not null check (price >= 0),
      currency text not null check (currency ~ '^[A-Z]{3}$'),
      unit text not null check (unit in ('gpu_hour', 'instance_hour')),
      as_of date not null,
      source text not null,
      primary key (tenant_id, id)
    );
    create index cloud_prices_model on cloud_prices (tenant_id, model, provider, price);

    -- How much less than on demand a way to buy costs at most, as a provider says.
    create table cloud_discounts (
      tenant_id text not null references tenants,
      id text not null,
      provider text not null,
      purchase text not null check (purchase in ('spot', 'reserved_1y', 'reserved_3y')),
      up_to text not null check (up_to ~ '^[0-9]{1,3}%$'),
      as_of date not null,
      source text not null,
      primary key (tenant_id, id)
    );
  `.execute(db);
};
