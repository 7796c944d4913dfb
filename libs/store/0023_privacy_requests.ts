import { type Kysely, sql } from 'kysely';

/** What people ask about their own data, what came of it, and whose data were erased, for a backup that comes back. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table privacy_requests (
      tenant_id text not null references tenants,
      -- The command that opened it.
      id text not null,
      -- Once they were erased and the request is over, a keyed hash of the person's id.
      subject_id text not null,
      type text not null
        check (type in ('access', 'portability', 'correction', 'anonymisation', 'deletion', 'consent', 'revocation')),
      state text not null default 'received' check (state in ('received', 'identity_verified', 'inventory', 'legal_review',
        'executing', 'verified', 'delivered', 'closed')),
      -- How it is known that it is them: by their own second factor, or by a document that staff looked at.
      identity text not null check (identity in ('second_factor', 'document')),
      opened_by text not null,
      recipient text not null,
      details bytea,
      at timestamptz not null default now(),
      deadline_at timestamptz not null,
      -- The part of the time, in per cent, that was last said to be over.
      warned smallint not null default 0,
      reviewed_by text,
      approved boolean,
      -- What was found, and what became of it.
      receipts jsonb not null default '[]',
      -- Classes whose receipts do not agree with what is there.
      partial jsonb not null default '[]',
      certificate jsonb,
      -- States it came to, and how many of them audit was told.
      history jsonb not null default '[]',
      told int not null default 0,
      primary key (tenant_id, id),
      check ((reviewed_by is null) = (approved is null)),
      constraint privacy_requests_details_is_sealed
        check (details is null or length(details) >= 49 and substr(details, 1, 1) = '\\x01'::bytea)
    );
    create index privacy_requests_open on privacy_requests (tenant_id, subject_id) where state <> 'closed';

    -- An outcome that waits to be fetched, once, by whoever asked. What it says is sealed for the key of the link.
    create table privacy_deliveries (
      tenant_id text not null references tenants,
      -- The request.
      id text not null,
      account_id text not null,
      recipient text not null,
      content text not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      primary key (tenant_id, id)
    );
    create index privacy_deliveries_recipient on privacy_deliveries (tenant_id, recipient);

    -- Written before anything is destroyed. Names nobody: a keyed hash of the person's id, with the version of its key.
    create table erasures (
      tenant_id text not null references tenants,
      -- The request.
      id text not null,
      subject bytea not null,
      type text not null check (type in ('anonymisation', 'deletion')),
      at timestamptz not null default now(),
      primary key (tenant_id, id)
    );
  `.execute(db);
};
