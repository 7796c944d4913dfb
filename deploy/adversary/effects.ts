import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredMsg } from '@nats-io/jetstream';
import { type Ground, tailOf } from './ground.ts';

/** What the system did while an attack went on. */
export interface Effects {
  /** Statements that services ran against PostgreSQL for somebody; probes of health are none. */
  queries(): Promise<number>;
  /** Statements of data-access that name a table. */
  queriesOn(table: string): Promise<number>;
  /** Statements of data-access. */
  reads(): Promise<number>;
  /** What was stored in a stream meanwhile. */
  stored(stream: string): Promise<readonly StoredMsg[]>;
  /** How many questions were admitted meanwhile; they leave their stream when they are taken. */
  admitted(): Promise<number>;
  /** New entries of the audit trail. */
  entries(): Promise<
    readonly { readonly fact: string; readonly decision: string; readonly code: string | null }[]
  >;
  logged(): string;
  spans(): string;
  /** How often a service counted that it noticed something. */
  noticedBy(service: keyof typeof noticed): Promise<number>;
}

/** The metrics by which something is known to have been noticed, by the service that counts them. */
const noticed = {
  edge: 'agent_authentication_failures_total',
  'data-access': 'cache_altered_total',
} as const;

/** Data-access reads in the role that a grant names. */
const dataAccess = `(rolname = 'svc_data_access' or rolname ~ '^app_')`;

/**
 * Who write what was heard earlier, or when a schedule wakes them: not for what is going on now. Neither is that conversation counts
 * sessions, every 15 s.
 */
const apart = `('svc_audit', 'svc_detection', 'svc_privacy', 'svc_retention')`;

const statements = `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
  join pg_roles on pg_roles.oid = userid
  where (rolname like 'svc\\_%' or rolname like 'app\\_%') and rolname not in ${apart}
    and query !~* '^(select \\$1$|select sec|begin|commit|rollback|set)'
    and query not like '%sec.active_sessions()%'`;

/** Remembers how things stand, to tell later what has changed. */
export const watch = async (ground: Ground): Promise<Effects> => {
  const { journey, receiver } = ground;
  const calls = async (condition = 'true', values: readonly unknown[] = []): Promise<number> =>
    (await journey.sql<{ calls: number }>(`${statements} and ${condition}`, values))[0]?.calls ?? 0;
  const onTable = (table: string) => calls(`${dataAccess} and query ~ ('\\m' || $1 || '\\M')`, [table]);
  const [started] = await journey.sql<{ at: string }>('select clock_timestamp()::text as at');
  const sequences = new Map<string, number>();
  for (const stream of ['INTAKE', 'FACTS', 'REPLY', 'DEAD'])
    sequences.set(stream, (await journey.jsm.streams.info(stream)).state.last_seq);
  const files = globSync(['logs/*.log', 'data/*/*.log'], { cwd: journey.home }).map((file) =>
    join(journey.home, file),
  );
  const sizes = new Map(files.map((file) => [file, statSync(file).size]));
  const spans = receiver.received.length;
  const queries = await calls();
  const reads = await calls(dataAccess);
  const tables = new Map<string, number>();
  for (const table of ['billing', 'clients', 'appointments', 'aesthetic_records'])
    tables.set(table, await onTable(table));
  const tally = async (service: keyof typeof noticed) => ({
    pid: journey.system.services.get(service)?.pid,
    count: await journey.counted(service, noticed[service]),
  });
  const before = { edge: await tally('edge'), 'data-access': await tally('data-access') };

  return {
    queries: async () => (await calls()) - queries,
    queriesOn: async (table) => (await onTable(table)) - (tables.get(table) ?? 0),
    reads: async () => (await calls(dataAccess)) - reads,
    admitted: async () =>
      (await journey.jsm.streams.info('INTAKE')).state.last_seq - (sequences.get('INTAKE') ?? 0),
    stored: async (stream) =>
      (await journey.stored(stream)).filter(({ seq }) => seq > (sequences.get(stream) ?? 0)),
    entries: () =>
      journey.sql('select fact, decision, code from audit_entries where at >= $1::timestamptz', [
        started?.at,
      ]),
    logged: () => [...sizes].map(([file, size]) => tailOf(file, size)).join('\n'),
    spans: () => receiver.received.slice(spans).join('\n'),
    noticedBy: async (service) => {
      const now = await tally(service);
      // A process that has started since counts from nothing.
      return now.count - (now.pid === before[service].pid ? before[service].count : 0);
    },
  };
};
