import { type Kysely, sql } from 'kysely';

/**
 * What people ask agents and are told, in a partition for each month, and the sessions that those questions make up.
 * Whose they are is a person or an account, so nothing refers to a table of people.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table ai_agent_sessions (
      tenant_id text not null references tenants,
      id text not null,
      session_type text not null check (session_type in ('PUBLIC', 'TENANT')),
      thread_id text not null,
      subject_id text not null,
      is_active boolean not null default true,
      created_at timestamptz not null,
      last_activity_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (tenant_id, id),
      check (created_at <= last_activity_at and last_activity_at <= expires_at)
    );
    create index idx_ai_sessions_active_tenant on ai_agent_sessions (tenant_id, created_at desc)
      where is_active and session_type = 'TENANT';
    create unique index ai_agent_sessions_one_active on ai_agent_sessions (tenant_id, thread_id) where is_active;
    create index ai_agent_sessions_expiry on ai_agent_sessions (tenant_id, expires_at) where is_active;
    create index ai_agent_sessions_thread on ai_agent_sessions (tenant_id, thread_id, created_at);
    create index ai_agent_sessions_age on ai_agent_sessions (tenant_id, last_activity_at);

    -- The key of a partitioned table has to hold what it is partitioned by.
    create table ai_agent_conversations (
      tenant_id text not null references tenants,
      id text not null,
      created_at timestamptz not null,
      session_id text not null,
      thread_id text not null,
      subject_id text not null,
      is_first boolean not null,
      question bytea,
      answer bytea,
      message bytea,
      attempt smallint not null,
      ending text check (ending in ('answered', 'refused', 'interrupted', 'failed', 'cancelled')),
      code text,
      primary key (tenant_id, id, created_at),
      foreign key (tenant_id, session_id) references ai_agent_sessions,
      constraint ai_agent_conversations_question_is_sealed
        check (question is null or length(question) >= 49 and substr(question, 1, 1) = '\\x01'::bytea),
      constraint ai_agent_conversations_answer_is_sealed
        check (answer is null or length(answer) >= 49 and substr(answer, 1, 1) = '\\x01'::bytea),
      constraint ai_agent_conversations_message_is_sealed
        check (message is null or length(message) >= 49 and substr(message, 1, 1) = '\\x01'::bytea)
    ) partition by range (created_at);
    create index idx_ai_conversations_session_time on ai_agent_conversations (session_id, created_at desc);
    create index ai_agent_conversations_thread on ai_agent_conversations (tenant_id, subject_id, thread_id, created_at desc);
    create index ai_agent_conversations_first on ai_agent_conversations (tenant_id, subject_id, created_at desc) where is_first;
    create index ai_agent_conversations_age on ai_agent_conversations (tenant_id, created_at);

    -- Where no service may look: rows are reached by their parent, whose policies are asked then.
    create schema months;

    -- Makes the months that come, and takes out those that ended before a moment and hold nothing any more. Runs as the
    -- owner of the tables, because no service may make one. A partition is attached rather than made in place, which
    -- would keep everybody else out meanwhile.
    create function public.turn_conversation_months(gone_before timestamptz default '-infinity') returns void language plpgsql
      security definer set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' as $$
    declare
      this_month date := date_trunc('month', now());
      month date;
      name text;
      item record;
      is_empty boolean;
    begin
      perform pg_advisory_xact_lock(hashtextextended('conversation months', 0));
      -- What was asked before midnight may be kept after it.
      for month in select generate_series(this_month - interval '1 month', this_month + interval '3 months', interval '1 month') loop
        name := 'months.ai_agent_conversations_' || to_char(month, 'YYYY_MM');
        continue when to_regclass(name) is not null;
        execute format('create table %s (like ai_agent_conversations including defaults including constraints)', name);
        execute format('alter table %s enable row level security, force row level security', name);
        execute format('alter table ai_agent_conversations attach partition %s for values from (%L) to (%L)',
          name, month, (month + interval '1 month')::date);
      end loop;
      for item in
        select c.oid::regclass as month from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'ai_agent_conversations'::regclass
          and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= least(gone_before, this_month - interval '1 month')
      loop
        -- Row-level security binds the owner too, and would hide what is there.
        execute format('alter table %s no force row level security', item.month);
        execute format('select not exists (select from %s)', item.month) into is_empty;
        execute format('alter table %s force row level security', item.month);
        if is_empty then
          execute format('alter table ai_agent_conversations detach partition %s', item.month);
          execute format('drop table %s', item.month);
        end if;
      end loop;
    end $$;
    select public.turn_conversation_months();

    -- How many sessions there are, of whatever tenant, and nothing of any of them.
    create function sec.active_sessions() returns table (session_type text, active int) language sql stable security definer
      set search_path = pg_catalog, pg_temp as $$
      select s.session_type, count(*)::int from public.ai_agent_sessions s
      where s.is_active and s.expires_at > now() group by s.session_type
    $$;
  `.execute(db);
};
