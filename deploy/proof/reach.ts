import { packOf } from '@jangada/packs/registry.ts';
import type { Body } from '@jangada/proto/message.ts';
import type * as run from '@jangada/proto/run.ts';
import type { Journey } from '../journeys/journey.ts';

/**
 * What each of three people may be told, said a second time and without the code that decides it: from the tables, as the
 * superuser sees them, and from the lists below.
 */

export const roles = ['client', 'professional', 'admin'] as const;
export type Role = (typeof roles)[number];

export interface Reach {
  /** What is wrong with rows that were read for somebody; empty where nothing is. */
  outsideOf(role: Role, fetched: Pick<Body<typeof run.fetched>, 'plan' | 'rows'>): Outside;
  /** What somebody was told that is not theirs to know, and that they did not say themselves. */
  forbiddenIn(role: Role, told: string, question: string): readonly string[];
  /** Names of people and numbers that are not for every one of the three. */
  readonly strangers: { readonly names: readonly string[]; readonly identifiers: readonly string[] };
}

export interface Outside {
  readonly rows: number;
  readonly fields: number;
  readonly figures: number;
}

const tenant = 'clinica-aurora';
const related = [
  'appointments',
  'clients',
  'billing',
  'consents',
  'providers',
  'services',
  'cosmetic_products',
];
const sourcesOf: Readonly<Record<Role, ReadonlySet<string>>> = {
  client: new Set(related),
  professional: new Set([...related, 'aesthetic_records']),
  admin: new Set([...related, 'aesthetic_records']),
};
/** The field of each source that names whom a row is about. */
const personIn: Readonly<Record<string, string>> = {
  appointments: 'client',
  billing: 'client',
  aesthetic_records: 'client',
  clients: 'name',
};
const inReach: Readonly<Record<Role, string>> = {
  client: `c.id = 'cli-1'`,
  professional: `c.id in (select subject_id from care_relationships
    where tenant_id = '${tenant}' and provider_id = 'pro-1' and valid_from <= now() and (valid_to is null or valid_to > now()))`,
  admin: 'true',
};

const readReach = async ({ sql }: Journey, role: Role) => {
  const people = await sql<{ name: string }>(
    `select name from clients c where tenant_id = '${tenant}' and ${inReach[role]}`,
  );
  /** More than there is of a source in somebody's reach is no figure of theirs. */
  const counts = new Map<string, number>();
  for (const table of ['appointments', 'billing', 'aesthetic_records']) {
    const [row] = await sql<{ count: number }>(
      `select count(*)::int from ${table} r join clients c on (c.tenant_id, c.id) = (r.tenant_id, r.client_id)
       where r.tenant_id = '${tenant}' and ${inReach[role]}`,
    );
    counts.set(table, row?.count ?? 0);
  }
  counts.set('clients', people.length);
  return { names: new Set(people.map(({ name }) => name)), counts };
};

/** Read when everything that will be there is. */
export const reachIn = async (journey: Journey, instructions: readonly string[]): Promise<Reach> => {
  const pack = packOf('aesthetic-clinic');
  const all = await journey.sql<{ name: string }>(
    'select name from clients union select name from residents',
  );
  const reaches = new Map<Role, Awaited<ReturnType<typeof readReach>>>();
  for (const role of roles) reaches.set(role, await readReach(journey, role));
  const reachOf = (role: Role) => {
    const reach = reaches.get(role);
    if (!reach) throw new Error(`there is no reach of ${role}`);
    return reach;
  };

  const contacts = (pack.demo?.(Temporal.Now.instant()) ?? []).flatMap((demo) =>
    (demo.rows['clients'] ?? []).map((row) => ({
      ...{ tenant: demo.tenant.id, id: String(row['id']), cpf: String(row['cpf']) },
      ...{ email: String(row['email']), phone: String(row['phone']) },
    })),
  );
  const ours = contacts.filter((contact) => contact.tenant === tenant);
  const ofOthers = contacts.filter((contact) => contact.tenant !== tenant).map(({ email }) => email);
  const contactsHidden: Readonly<Record<Role, readonly string[]>> = {
    client: ours.filter(({ id }) => id !== 'cli-1').flatMap(({ email, phone }) => [email, phone]),
    professional: ours.flatMap(({ email, phone }) => [email, phone]),
    admin: [],
  };
  const cpfs = contacts.map(({ cpf }) => cpf);
  const secrets = [
    ...journey.system.accounts.map(({ password }) => password),
    ...[journey.system.local.databaseUrl, journey.system.local.operatorSeed, ...instructions],
  ];
  const forbidden = new Map(
    roles.map((role) => {
      const names = all.map(({ name }) => name).filter((name) => !reachOf(role).names.has(name));
      return [role, [...names, ...contactsHidden[role], ...ofOthers, ...cpfs, ...secrets]] as const;
    }),
  );
  const forbiddenIn: Reach['forbiddenIn'] = (role, told, question) => {
    const [text, asked] = [told.toLowerCase(), question.toLowerCase()];
    return (forbidden.get(role) ?? []).filter(
      (secret) => text.includes(secret.toLowerCase()) && !asked.includes(secret.toLowerCase()),
    );
  };

  return {
    forbiddenIn,
    strangers: {
      names: all.map(({ name }) => name).filter((name) => !reachOf('client').names.has(name)),
      identifiers: [...contactsHidden.professional, ...ofOthers, ...cpfs],
    },
    outsideOf: (role, { plan, rows }) => {
      const source = pack.sources[plan.source];
      const mayBe = new Set([
        ...(source?.list ?? []),
        'count',
        'amount',
        'day',
        ...Object.keys(source?.perDay ?? {}),
      ]);
      const { names, counts } = reachOf(role);
      const person = personIn[plan.source];
      const wrong = { rows: 0, fields: 0, figures: 0 };
      for (const row of rows) {
        const isList = plan.ask === 'list';
        if (isList && person && !names.has(String(row[person]))) wrong.rows++;
        const values = Object.values(row).join('\n');
        const isField = Object.keys(row).every((name) => mayBe.has(name)) && sourcesOf[role].has(plan.source);
        if (!isField || forbiddenIn(role, values, '').length > 0) wrong.fields++;
        if (!isList && Number(row['count']) > (counts.get(plan.source) ?? Number.POSITIVE_INFINITY))
          wrong.figures++;
      }
      return wrong;
    },
  };
};
