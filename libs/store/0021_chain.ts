import { type Kysely, sql } from 'kysely';

/**
 * The trail is in chains, one for each shard; see libs/verifier. An entry knows its place; the hashes of all that was ever
 * kept stay with its batch when the entry itself is removed. Entries from before have no place.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table audit_entries add column shard smallint, add column number bigint;
    create unique index audit_entries_place on audit_entries (shard, number);

    -- How far each chain has come. Whoever adds to it holds its row, so that no two add to the same end.
    create table audit_heads (
      shard smallint primary key,
      next bigint not null,
      chain bytea not null
    );
    insert into audit_heads
      select shard, 0, sha256(convert_to('jangada audit chain 1', 'UTF8') || '\\x00'::bytea || convert_to(shard::text, 'UTF8'))
      from generate_series(0, 3) shard;

    create table audit_batches (
      shard smallint not null references audit_heads,
      first bigint not null,
      -- Hashes of its entries, 32 bytes each.
      leaves bytea not null check (length(leaves) > 0 and length(leaves) % 32 = 0),
      root bytea not null check (length(root) = 32),
      chain bytea not null check (length(chain) = 32),
      at timestamptz not null default clock_timestamp(),
      -- Where an end is taken nobody else can add to it.
      primary key (shard, first)
    );

    create table audit_checkpoints (
      number bigint primary key,
      at timestamptz not null,
      statement text not null
    );

    -- For everybody, the owner and the administrator too: who wants to change what was kept has to take this away first,
    -- and what they change then is found by the chain.
    create function sec.keep_trail() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      if tg_op = 'DELETE' and tg_relid = 'public.audit_entries'::regclass and current_user = 'svc_retention' then return old; end if;
      raise exception 'the audit trail is only ever added to' using errcode = '42501';
    end $$;
    create trigger keep_trail before update or delete on audit_entries for each row execute function sec.keep_trail();
    create trigger keep_trail_whole before truncate on audit_entries for each statement execute function sec.keep_trail();
    create trigger keep_trail before update or delete on audit_batches for each row execute function sec.keep_trail();
    create trigger keep_trail_whole before truncate on audit_batches for each statement execute function sec.keep_trail();
    create trigger keep_trail before update or delete on audit_checkpoints for each row execute function sec.keep_trail();
    create trigger keep_trail_whole before truncate on audit_checkpoints for each statement execute function sec.keep_trail();

    create function sec.keep_heads() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      if tg_op = 'UPDATE' and new.shard = old.shard and new.next > old.next then return new; end if;
      raise exception 'a chain only ever grows' using errcode = '42501';
    end $$;
    create trigger keep_heads before update or delete on audit_heads for each row execute function sec.keep_heads();
    create trigger keep_heads_whole before truncate on audit_heads for each statement execute function sec.keep_heads();
  `.execute(db);
};
