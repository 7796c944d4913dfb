import { createHash } from 'node:crypto';
import type { Plan } from '@jangada/proto/plan.ts';
import { tableOf } from './column.ts';
import type { Pack, Source } from './pack.ts';

/** What a pack's declarations mean for a decision. Pure. */

/** The source of a name, and never a name of Object's. */
export const sourceOf = (pack: Pack, name: string): Source | undefined =>
  Object.hasOwn(pack.sources, name) ? pack.sources[name] : undefined;

/** Every table that a pack can be asked for, and the resource whose permission it needs. */
export const resourcesByTable = (pack: Pack): ReadonlyMap<string, string> =>
  new Map(Object.values(pack.sources).map(({ table, resource }) => [table, resource]));

/** True where a source tells how much of a whole something is: a state, or the time that is booked. */
export const hasShare = ({ shares, timetable }: Source, state: string | undefined): boolean =>
  timetable !== undefined || (state !== undefined && Object.hasOwn(shares ?? {}, state));

/**
 * The resources that a plan touches, by its tables and columns and not by the label of its intent. Undefined when
 * it names something that its source does not declare: a field, a figure, a state, a facet or a join of another source.
 */
export const resourcesOf = (pack: Pack, plan: Plan): ReadonlySet<string> | undefined => {
  const source = sourceOf(pack, plan.source);
  if (!source?.asks.includes(plan.ask)) return undefined;
  const { filter } = plan;
  const ordered = plan.order ? orderedOf(pack, plan) : [];
  if (!ordered) return undefined;
  if (filter.state !== undefined && !Object.hasOwn(source.states, filter.state)) return undefined;
  if (plan.ask === 'share' && !hasShare(source, filter.state)) return undefined;
  if (filter.language !== undefined && !source.language) return undefined;
  for (const [name, values] of Object.entries(filter.facets ?? {})) {
    const facet = Object.hasOwn(source.facets ?? {}, name) ? source.facets?.[name] : undefined;
    if (!facet || !values.every((value) => Object.hasOwn(facet.values, value))) return undefined;
  }
  const cited = plan.cites === undefined ? undefined : sourceOf(pack, plan.cites);
  if (plan.cites !== undefined && (plan.cites !== source.cites || !cited?.knowledge)) return undefined;
  if (filter.nearest && (plan.ask !== 'list' || !(cited ?? source).knowledge)) return undefined;
  const ties = [source.subject?.table, source.provider?.table];
  if (!plan.joins.every((join) => ties.includes(join))) return undefined;
  if (!plan.fields.every((field) => Object.hasOwn(source.fields, field))) return undefined;
  const tables = [
    source.table,
    ...plan.joins,
    ...(cited ? [cited.table] : []),
    ...plan.fields.map((field) => tableOf(source.fields[field]?.column ?? '')),
    ...((filter.subject ?? filter.identifier) !== undefined && source.subject ? [source.subject.table] : []),
    ...(filter.provider !== undefined && source.provider ? [source.provider.table] : []),
  ];
  const byTable = resourcesByTable(pack);
  const resources = tables.map((table) => byTable.get(table));
  return resources.includes(undefined) ? undefined : new Set([...(resources as string[]), ...ordered]);
};

/** What a change of the agenda touches beside its rows; undefined where it is none that the pack knows. */
const orderedOf = (
  { bookings, orders, sources }: Pack,
  { order, source, ask }: Plan,
): readonly string[] | undefined => {
  if (!bookings || !orders || ask !== 'list') return undefined;
  const isBooking = order?.type === 'ScheduleAppointment';
  if (source !== (isBooking ? orders.people : orders.bookings)) return undefined;
  const others = isBooking ? [orders.providers, orders.services] : [];
  return [bookings, ...others.flatMap((name) => sources[name]?.resource ?? [])];
};

/** From the narrowest on: rows about oneself, about people in one's care, of the tenant. */
export const reaches = ['own', 'related', 'tenant'] as const;
type Reach = (typeof reaches)[number];

/**
 * How far a role reaches for all that a plan touches together: the narrowest of it. Undefined when some of it is not
 * allowed at all. `read:own_x` means `read:x` on rows about oneself. A figure that is told only of many is about the
 * whole tenant: who is in whose care does not show in it.
 */
export const reachFor = (
  pack: Pack,
  plan: Plan,
  { role: name, isOfMany }: { readonly role: string; readonly isOfMany: boolean },
): Reach | undefined => {
  const role = Object.hasOwn(pack.roles, name) ? pack.roles[name] : undefined;
  const resources = resourcesOf(pack, plan);
  if (!role || !resources) return undefined;
  const held = new Set(role.permissions);
  let reach: Reach = isOfMany ? 'tenant' : role.reach;
  for (const resource of resources) {
    if (held.has(`read:${resource}`)) continue;
    if (!held.has(`read:own_${resource}`)) return undefined;
    reach = 'own';
  }
  // What is changed takes the right to change it, beside that to read what it is about.
  if (plan.order && !held.has(`write:${pack.bookings}`))
    return held.has(`write:own_${pack.bookings}`) ? 'own' : undefined;
  return reach;
};

/** Who the reader of a plan's rows is to PostgreSQL: the person, or whose own such rows are. */
export const readerOf = (
  pack: Pack,
  plan: Pick<Plan, 'source'>,
  { person, owner }: { readonly person: string | undefined; readonly owner: string },
): string | undefined => (sourceOf(pack, plan.source)?.owner ? owner : person);

/** The pack's table of the people its data is about, with its resource, and that of those who provide for them. */
export const peopleOf = (
  pack: Pack,
): { table: string; resource: string; providers: string | undefined } | undefined => {
  const sources = Object.values(pack.sources);
  const people = sources.find(({ table, subject }) => subject?.table === table);
  const providers = sources.find(({ provider }) => provider)?.provider?.table;
  return people && { table: people.table, resource: people.resource, providers };
};

/** True where somebody of a role may reach for one more person in an emergency: who cares for people, as a person of the tenant. */
export const mayReachOut = (pack: Pack, name: string, person: string | undefined): boolean => {
  const role = Object.hasOwn(pack.roles, name) ? pack.roles[name] : undefined;
  const resource = peopleOf(pack)?.resource;
  const cares = role?.reach === 'related' && role.permissions.includes(`read:${resource}`);
  const isNamed = pack.emergency?.roles?.includes(name) ?? true;
  return pack.emergency !== undefined && isNamed && cares && person !== undefined;
};

/**
 * The levels of consent, any of which whom a plan's rows are about must have given: the most that any of its
 * resources takes, and those above it. Undefined where the plan takes none.
 */
export const consentOf = (
  { consent }: Pack,
  resources: ReadonlySet<string>,
): readonly string[] | undefined => {
  const ranks = [...resources].map((resource) => {
    const level = Object.hasOwn(consent.needed, resource) ? consent.needed[resource] : undefined;
    return level === undefined ? -1 : consent.levels.indexOf(level);
  });
  const rank = Math.max(-1, ...ranks);
  return rank < 0 ? undefined : consent.levels.slice(rank);
};

const names = new WeakMap<Pack, string>();

/** `<pack>@<version>#<hash>`: which rules decided. Two that differ in any rule differ here, whatever their version says. */
export const policyOf = (pack: Pack): string => {
  const known = names.get(pack);
  if (known) return known;
  const { name, version, roles, purposes, defaultPurpose, consent, emergency, sources } = pack;
  const rules = JSON.stringify({ roles, purposes, defaultPurpose, consent, emergency, sources });
  const hash = createHash('sha256').update(rules).digest('hex').slice(0, 12);
  const made = `${name}@${version}#${hash}`;
  names.set(pack, made);
  return made;
};
