import pg from 'pg';

/** One booking of half an hour, at a time that no other wants. */
export interface Slot {
  readonly tenant: string;
  /** Its number. */
  readonly clinic: number;
  readonly provider: string;
  readonly subject: string;
  readonly start: string;
}

/** A booking as one would write it without events: a row that excludes others, and a line of audit, in one transaction. */
export interface Plain extends AsyncDisposable {
  book(slot: Slot): Promise<void>;
  /** So far. */
  booked(): number;
}

const connections = 16;

export const openPlain = async (databaseUrl: string): Promise<Plain> => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  await pool.query(`
    create table bench.bookings (like bookings including all, booked_by text not null);
    create table bench.trail (
      id bigint generated always as identity primary key,
      tenant_id text not null, actor text not null, fact text not null, booking text not null, at timestamptz not null default now())`);
  let count = 0;
  const insert = {
    name: 'insert',
    text: `insert into bench.bookings
        (tenant_id, id, subject_id, provider_id, starts_at, ends_at, status, version, changed_at, booked_by)
      values ($1, $2, $3, $4, $5, $5::timestamptz + interval '30 minutes', 'scheduled', 1, now(), $6)`,
  };
  const note = {
    name: 'note',
    text: `insert into bench.trail (tenant_id, actor, fact, booking) values ($1, $2, 'booked', $3)`,
  };
  return {
    book: async ({ tenant, provider, subject, start }) => {
      count += 1;
      const id = crypto.randomUUID();
      const actor = `${tenant}-admin`;
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query({ ...insert, values: [tenant, id, subject, provider, start, actor] });
        await client.query({ ...note, values: [tenant, actor, id] });
        await client.query('commit');
      } finally {
        client.release();
      }
    },
    booked: () => count,
    [Symbol.asyncDispose]: () => pool.end(),
  };
};
