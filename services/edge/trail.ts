import { endings } from '@jangada/proto/run.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type Expression, type SqlBool, sql } from 'kysely';
import { z } from 'zod';

/** What audit keeps, as it is shown to people of the tenant it is about: the newest first, a page at a time. */

export const pageSize = 50;

/** One fact. Neither the question nor a value of a row is in it; audit keeps none. */
export interface Entry {
  readonly about: string;
  readonly fact: string;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly purpose: string | null;
  readonly decision: 'allowed' | 'denied' | 'failed' | 'done';
  readonly code: string | null;
  readonly resource: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A run that is over. */
export interface Ended {
  readonly run: string;
  readonly ended: 'answered' | 'refused' | 'interrupted' | 'failed' | 'cancelled';
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly purpose: string | null;
  readonly code: string | null;
  /** What it was about, where it was understood. */
  readonly resource: string | null;
  readonly intent: string | null;
  /** From the pass to the stored end; null where no pass came along. */
  readonly tookMs: number | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string;
}

export interface Sought {
  readonly about?: string | undefined;
  readonly actor?: string | undefined;
  readonly fact?: string | undefined;
  readonly decision?: Entry['decision'] | undefined;
  readonly code?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly after?: Place | undefined;
}

/** Where a page ended: an entry's time and key. */
const place = z.tuple([z.iso.datetime(), z.string().max(200), z.string().max(60)]);
type Place = z.output<typeof place>;

/** The place that a cursor names; undefined for what is none of ours. */
export const placeOf = (cursor: string): Place | undefined => {
  try {
    return place.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString())).data;
  } catch {
    return undefined;
  }
};

const cursorOf = ({ at, about, fact }: Pick<Entry, 'at' | 'about' | 'fact'>): string =>
  Buffer.from(JSON.stringify([at, about, fact])).toString('base64url');

const pageOf = <R extends Pick<Entry, 'at' | 'about' | 'fact'>, T>(
  rows: readonly R[],
  shown: (row: R) => T,
): Page<T> => {
  const items = rows.slice(0, pageSize);
  const last = items.at(-1);
  return {
    items: items.map(shown),
    ...(rows.length > pageSize && last ? { nextCursor: cursorOf(last) } : {}),
  };
};

const db = queries<CoreTables>();
const ends = endings.map(({ name }) => name);
const columns = [
  'e.subject_id as about',
  'e.fact',
  'e.at',
  'e.actor',
  'e.role',
  'e.purpose',
  'e.decision',
  'e.code',
  'e.resource',
  'e.details',
] as const;

const entriesOf = (tenant: string) => db.selectFrom('audit_entries as e').where('e.tenant_id', '=', tenant);

/** The newest of what is sought, one more than a page holds. */
const sought = (tenant: string, { about, actor, fact, decision, code, from, to, after }: Sought) =>
  entriesOf(tenant)
    .where(({ and, eb }) => {
      const conditions: Expression<SqlBool>[] = [
        ...(about ? [eb('e.subject_id', '=', about)] : []),
        ...(actor ? [eb('e.actor', '=', actor)] : []),
        ...(fact ? [eb('e.fact', '=', fact)] : []),
        ...(decision ? [eb('e.decision', '=', decision)] : []),
        ...(code ? [eb('e.code', '=', code)] : []),
        ...(from ? [eb('e.at', '>=', from)] : []),
        ...(to ? [eb('e.at', '<', to)] : []),
        ...(after
          ? [
              sql<SqlBool>`(e.at, e.subject_id, e.fact) < (${after[0]}::timestamptz, ${after[1]}, ${after[2]})`,
            ]
          : []),
      ];
      return and(conditions);
    })
    .orderBy('e.at', 'desc')
    .orderBy('e.subject_id', 'desc')
    .orderBy('e.fact', 'desc')
    // As a figure of the statement: a plan that does not know it is made for a tenth of all there is.
    .limit(sql.lit(pageSize + 1));

export const openTrail = (store: Store) => ({
  entries: async (tenant: string, asked: Sought): Promise<Page<Entry>> =>
    pageOf(
      (await store.read({ tenant }, sought(tenant, asked).select(columns))) as Entry[],
      (entry) => entry,
    ),

  /** Every fact of a run in order; none where there is no such run. */
  story: async (tenant: string, run: string): Promise<readonly Entry[]> =>
    (await store.read(
      { tenant },
      entriesOf(tenant)
        .select(columns)
        .where('e.subject_id', '=', run)
        .where('e.fact', 'like', 'run.%')
        .orderBy('e.sequence'),
    )) as Entry[],

  ended: async (
    tenant: string,
    { ended, ...asked }: Sought & { ended?: Ended['ended'] | undefined },
  ): Promise<Page<Ended>> => {
    const query = sought(tenant, asked)
      .where('e.fact', 'in', ended ? [`run.${ended}`] : ends)
      .leftJoin('audit_entries as u', (join) =>
        join
          .onRef('u.tenant_id', '=', 'e.tenant_id')
          .onRef('u.subject_id', '=', 'e.subject_id')
          .on('u.fact', '=', 'run.understood'),
      )
      .select([...columns, 'u.resource as understood', 'u.details as meant']);
    const rows = (await store.read({ tenant }, query)) as Row[];
    return pageOf(rows, summaryOf);
  },
});

export type Trail = ReturnType<typeof openTrail>;

type Row = Entry & { readonly understood: string | null; readonly meant: Entry['details'] | null };

const summaryOf = ({
  about,
  fact,
  at,
  actor,
  role,
  purpose,
  code,
  details,
  understood,
  meant,
}: Row): Ended => {
  const asked = Date.parse(String(details['askedAt']));
  const intent = meant?.['intent'] ?? details['intent'];
  return {
    run: about,
    ended: fact.slice('run.'.length) as Ended['ended'],
    at,
    actor,
    role,
    purpose,
    code,
    resource: understood,
    intent: typeof intent === 'string' ? intent : null,
    tookMs: Number.isNaN(asked) ? null : Date.parse(at) - asked,
  };
};
