import { createHash } from 'node:crypto';
import type { Cache } from '@jangada/cache/cache.ts';
import type { Space } from '@jangada/cache/space.ts';
import type { In } from '@jangada/hop/hop.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { type Candidate, candidates, searched } from '@jangada/packs/knowledge.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import { type ReadRow, read } from '@jangada/packs/read.ts';
import { guardedConsent } from '@jangada/packs/rights.ts';
import { policyOf, reaches, reachFor, sourceOf } from '@jangada/packs/rules.ts';
import { indexedColumn } from '@jangada/packs/sealed.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type * as run from '@jangada/proto/run.ts';
import type { Row } from '@jangada/proto/run.ts';

import type { Turn } from '@jangada/runtime/serve.ts';
import type { Store, Transaction } from '@jangada/store/store.ts';
import { databasePart, type Grant, planHash, statedPart } from '@jangada/trust/grant.ts';
import { isWarming } from '@jangada/trust/pass.ts';
import { indexOf } from '@jangada/vault/rows.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { z } from 'zod';
import { arrangementOf } from './arrangement.ts';
import type { contract } from './contract.ts';
import type { Searching } from './nearest.ts';
import { openRows } from './open.ts';
import { peopleOf } from './people.ts';
import { type Look, timesOf } from './timetable.ts';

/** Rows that the grant allows, opened, and when they were read. */
export interface Found {
  readonly source: Source;
  /** Fields that this role sees masked. */
  readonly masked: readonly string[];
  readonly rows: readonly Row[];
  /** What the texts that were found are about, of the nearest first; absent where none were looked for. */
  readonly topics?: readonly string[];
  /** Absent where nothing is to be changed. */
  readonly arrangement?: run.Arrangement;
  /** Texts near to the question, to be named beside the rows. */
  readonly cited?: readonly z.output<typeof run.citation>[];
  /** What was granted, for who tells the rows. */
  readonly grant: string;
  /** There are too few people behind a figure for it to be told, or none. */
  readonly suppressed: boolean;
  readonly asOf: string;
  readonly cached: boolean;
  /** Whom the rows of the page are about. */
  readonly people?: run.People;
  /** Where it was remembered. */
  readonly tier?: 'local' | 'redis';
}

/** Where rows are remembered that their pack keeps nowhere else. */
const ordinary: Space = { name: 'rows', maxBytes: 50_000_000 };

/**
 * Reads what a plan names: from the cache, or from the database under the grant.
 * @throws Unprocessable CTX_NO_GRANT when the plan is not the one the grant is for, or asks for more, or when the grant
 * reaches further than the pass's role may: what holds is what both allow
 * @throws Unprocessable CTX_PAYLOAD_MISMATCH when there are rows among them that are not the tenant's
 */
export const rowsOf = async (
  { plan, intent }: In<typeof contract>,
  { grant, grantStatement, pass, signal, span, tenant }: Turn,
  from: { pack: Pack; store: Store; cache: Cache; vault: Vault; searching: Searching; onForeign: () => void },
): Promise<Found> => {
  const { pack, store, cache, vault, searching, onForeign } = from;
  const source = pack.sources[plan.source];
  if (!grant || !grantStatement || grant.ph !== planHash(plan) || !source)
    throw new Unprocessable('CTX_NO_GRANT', 'the grant is for another plan');
  if (plan.limit > grant.limit || plan.fields.some((field) => !grant.fields.includes(field))) {
    throw new Unprocessable('CTX_NO_GRANT', 'the plan asks for more than the grant');
  }
  if (grant.min !== undefined && plan.ask === 'list')
    throw new Unprocessable('CTX_NO_GRANT', 'the grant is for figures');
  const widest = reachFor(pack, plan, { role: pass.rol, isOfMany: grant.min !== undefined });
  const role = pack.roles[pass.rol];
  if (!role || !widest || reaches.indexOf(grant.reach) > reaches.indexOf(widest))
    throw new Unprocessable('CTX_NO_GRANT', 'the grant reaches further than the role');
  // Rows about oneself are not provided by oneself.
  const person = grant.reach === 'own' ? undefined : grant.by;
  const claim = { grant: databasePart(grantStatement) };
  const keys: Transaction = { rows: (query) => store.read(claim, query, span('keys')) };
  const isGuarded = guardedConsent(pack, source)?.join() === grant.consent?.join();
  const reader = {
    person,
    consent: isGuarded ? undefined : grant.consent,
    groupMin: grant.min,
    zone: pass.zone,
    found: await foundBy(plan, pack, source, tenant, vault, keys),
  };
  const compiled = source.timetable ? undefined : read(source, plan, reader).compile();
  const space = pack.caches?.find(
    ({ sources, roles }) => sources.includes(plan.source) && (roles?.includes(pass.rol) ?? true),
  );
  const search = searched(pack, plan);
  const scope = JSON.stringify([grant.reach, grant.pur, grant.by, grant.consent, grant.rev]);
  const rules = `${policyOf(pack)}:${pass.zone}`;
  // What is read and not how it was asked for: names are folded here that plans have as they were written.
  const statement = [compiled?.sql, compiled?.parameters];
  const place = JSON.stringify([tenant, scope, rules, statement]);
  const asked = search && (await searching.asked(place, search, pack, signal));
  const key = {
    ...{ tenant, scope, rules },
    space: space ?? ordinary,
    plan: createHash('sha256')
      .update(JSON.stringify([statement, asked]))
      .digest('base64url'),
  };
  const ttl = space?.ttlSeconds ?? pack.intents.find((one) => one.name === intent.type)?.ttlSeconds ?? 300;
  const near = async (search: Plan): Promise<readonly Candidate[]> => {
    const texts = sourceOf(pack, search.source);
    if (!texts) return [];
    const query = candidates(texts, search, { person: undefined, zone: pass.zone });
    const all = await store.read(claim, query, span('knowledge'));
    assertOwn(all, tenant, onForeign);
    return searching.near(all, search, pack, signal);
  };
  const look: Look = async (query) => {
    const all = await store.read(claim, query, span('postgresql'));
    assertOwn(all, tenant, onForeign);
    return all;
  };
  const fromDatabase = async () => {
    if (!compiled) {
      const now = Temporal.Now.instant();
      const rows = await timesOf(source, plan, pack, { reader, look, now });
      return { rows, asOf: now.toString({ fractionalSecondDigits: 3 }) };
    }
    const found = search && (await near(search));
    const ids = search?.source === plan.source ? found?.map(({ id }) => id) : undefined;
    const statement = ids ? read(source, plan, { ...reader, ids }) : { compile: () => compiled };
    const rows = ids?.length === 0 ? [] : await store.read(claim, statement, span('postgresql'));
    assertOwn(rows, tenant, onForeign);
    const told = rows.map(({ _tenants, ...row }) => row);
    return {
      rows: ids
        ? told.toSorted((a, b) => ids.indexOf(String(a['_id'])) - ids.indexOf(String(b['_id'])))
        : told,
      ...(ids && found ? { topics: [...new Set(found.map(({ category }) => category))] } : {}),
      ...(found && !ids ? { cited: found.map(({ id, title }) => ({ id, title })) } : {}),
      asOf: new Date().toISOString(),
    };
  };
  const once = async () => {
    if (namesNobody(plan, grant)) return { rows: [], asOf: new Date().toISOString(), cached: false };
    // What is remembered is sealed as it was read; it is opened for this run alone.
    const { value, ...how } =
      source.isUncached || source.timetable
        ? { value: await fromDatabase(), cached: false }
        : await (isWarming(pass) ? cache.renew : cache.through)(key, ttl, fromDatabase);
    return { ...value, rows: await openRows(value.rows, { tenant, source, vault, keys }), ...how };
  };
  const found = await once().catch(async (error: unknown) => {
    // The page was read before its key was rotated: it is there again under the new one.
    if (!(error instanceof Unprocessable && error.code === 'CRYPTO_KEY_RETIRED')) throw error;
    vault.forget(tenant);
    await cache.forget(tenant);
    return once();
  });
  const suppressed = grant.min !== undefined && source.subject !== undefined && found.rows.length === 0;
  const arrangement =
    plan.order &&
    (await arrangementOf(pack, plan.order, async (named, wanted) => {
      // "With me" of who is nobody among them is no condition that could be left out.
      if (wanted.filter.mine && grant.by === undefined) return [];
      return look(read(named, wanted, { person: grant.by, zone: pass.zone }));
    }));
  const people = source.subject && (await peopleOf(found.rows, plan, tenant, vault, keys));
  return {
    ...found,
    source,
    suppressed,
    masked: role.masked,
    grant: statedPart(grantStatement),
    ...(arrangement ? { arrangement } : {}),
    ...(people ? { people } : {}),
  };
};

/** True of a booking for who is still to be asked for: nobody is read, or the trail would have it. */
const namesNobody = ({ order, filter }: Plan, { reach }: Grant): boolean =>
  order?.type === 'ScheduleAppointment' &&
  reach !== 'own' &&
  (filter.subject ?? filter.subjectId ?? filter.identifier) === undefined;

/**
 * Rows say themselves whose they are, and all must be the tenant's. Row-level security sees to that; this is compared
 * once more, apart from it and before anything is remembered, because a policy that somebody takes away while services
 * run is not missed before the next start.
 */
const assertOwn = (
  rows: readonly { readonly _tenants?: ReadRow[string] }[],
  tenant: string,
  onForeign: () => void,
): void => {
  // A figure of no rows is nobody's.
  if (rows.some(({ _tenants }) => _tenants !== tenant && _tenants !== '')) {
    onForeign();
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'rows of another tenant were read');
  }
};

/** Where rows with the plan's identifier are found; undefined where the plan names none, or none can be found by it. */
const foundBy = async (
  { filter: { identifier } }: Plan,
  pack: Pack,
  source: Source,
  tenant: string,
  vault: Vault,
  keys: Transaction,
): Promise<{ column: string; indexes: readonly Buffer[] } | undefined> => {
  const place = identifier && indexedColumn(pack, source, identifier.kind);
  if (!place) return undefined;
  const indexes = await vault.indexesOf({ tenant, ...place }, identifier.kind, identifier.value, keys);
  return { column: `${place.table}.${indexOf(place.column)}`, indexes };
};
