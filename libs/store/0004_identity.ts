import { type Kysely, sql } from 'kysely';

/** Sessions, what renews them, second factors and one-time tickets of sockets. Secrets are hashed or sealed. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table sessions (
      tenant_id text not null references tenants,
      id text not null,
      account_id text not null references accounts,
      amr text[] not null,
      authenticated_at timestamptz not null,
      created_at timestamptz not null,
      used_at timestamptz not null,
      ended_at timestamptz,
      reason text check (reason in ('logout', 'revoked', 'reuse', 'expired')),
      primary key (tenant_id, id),
      check ((ended_at is null) = (reason is null))
    );
    create index sessions_account on sessions (tenant_id, account_id, created_at);

    -- One row for each that was given out; the family of a token is its session.
    create table refresh_tokens (
      tenant_id text not null,
      hash bytea not null,
      session_id text not null,
      created_at timestamptz not null,
      used_at timestamptz,
      primary key (tenant_id, hash),
      foreign key (tenant_id, session_id) references sessions on delete cascade
    );
    create index refresh_tokens_session on refresh_tokens (tenant_id, session_id);

    create table second_factors (
      tenant_id text not null references tenants,
      account_id text not null references accounts,
      secret bytea,
      pending bytea,
      last_step bigint not null default 0,
      failures integer not null default 0,
      failed_since timestamptz,
      primary key (tenant_id, account_id)
    );

    create table recovery_codes (
      tenant_id text not null,
      account_id text not null,
      number smallint not null,
      hash text not null,
      used_at timestamptz,
      primary key (tenant_id, account_id, number),
      foreign key (tenant_id, account_id) references second_factors on delete cascade
    );

    create table socket_tickets (
      tenant_id text not null,
      hash bytea not null,
      session_id text not null,
      access_until timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      primary key (tenant_id, hash),
      foreign key (tenant_id, session_id) references sessions on delete cascade
    );
    create index socket_tickets_session on socket_tickets (tenant_id, session_id);
  `.execute(db);
};
