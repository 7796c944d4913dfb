import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PackTables } from '@jangada/hop/hop.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { z } from 'zod';
import { columnOf } from './column.ts';
import { withCore } from './core.ts';
import { heldOf } from './holdings.ts';
import type { Pack, RetentionRule, Source } from './pack.ts';
import { foldName } from './read.ts';
import { isBelowLegalMin, period } from './retention.ts';
import { resourcesByTable } from './rules.ts';

/** A pack that must not be loaded. Names everything that is wrong with it, all at once. */
export class PackError extends Error {
  override readonly name = 'PackError';
}

const shape = z.object({
  name: z.string().regex(/^[a-z-]{3,40}$/),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  compliance: z.array(z.string()).min(1),
  intents: z
    .array(
      z.object({
        cues: z.array(z.object({ words: z.string().min(1), weight: z.number().gt(0).lt(1) })).min(1),
      }),
    )
    .min(1),
  retention: z.array(
    z.object({
      class: z.string(),
      keep: z.string().regex(period),
      legalMin: z.string().regex(period).optional(),
      basis: z.string().min(1),
      jurisdiction: z.string().regex(/^[A-Z]{2}$/),
    }),
  ),
  recipients: z
    .array(z.object({ name: z.string().regex(/^[a-z-]{2,40}$/), purpose: z.string().min(1) }))
    .optional(),
  caches: z
    .array(
      z.object({
        name: z.string().regex(/^[a-z-]{2,40}$/),
        ttlSeconds: z.int().min(1).max(3_600),
        maxBytes: z.int().positive(),
        warm: z.array(z.string().min(1)).optional(),
      }),
    )
    .optional(),
  limits: z.array(
    z.object({
      name: z.string().regex(/^[a-z-]{2,40}$/),
      max: z.int().positive(),
      windowMs: z.int().min(1_000).multipleOf(1_000),
      roles: z.record(z.string(), z.number().positive()).optional(),
    }),
  ),
});

const distinct = (names: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(names.filter((name) => name !== undefined))].sort();

/** Tables of all packs, by what a service does with them; see `PackTables` in libs/hop. */
export const packTables = (of: readonly Pack[] = packs): Readonly<Record<PackTables, readonly string[]>> => {
  const sources = of.flatMap((pack) => Object.values(pack.sources));
  return {
    sources: distinct(
      sources.flatMap((source) => [source.table, source.subject?.table, source.provider?.table]),
    ),
    subjects: distinct(sources.map((source) => source.subject?.table)),
    providers: distinct(sources.map((source) => source.provider?.table)),
    held: distinct(of.flatMap(heldOf).map(({ table }) => table)),
    aged: distinct(of.flatMap((pack) => pack.retention.map((rule) => rule.table))),
    thinned: distinct(
      of.flatMap((pack) =>
        pack.retention.filter((rule) => rule.action !== 'delete').map((rule) => rule.table),
      ),
    ),
  };
};

/**
 * Checks that a pack holds together: every name that one part mentions is declared by another, and everything
 * that can be asked has its query and its words. What is returned has the sources of the core too.
 * @throws PackError
 */
export const load = (declared: Pack): Pack => {
  const pack = withCore(declared);
  const parsed = shape.safeParse(pack);
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const byTable = resourcesByTable(pack);
  const resources = new Set(Object.values(pack.sources).map((source) => source.resource));

  for (const intent of pack.intents) {
    const [main] = intent.dataSources;
    for (const source of intent.dataSources) {
      if (!pack.sources[source])
        wrong.push(`intent ${intent.name} names the source ${source}, which is not declared`);
    }
    if (!main || !pack.sources[main]?.asks.includes(intent.defaultAsk))
      wrong.push(`No optimization pattern for intent: ${intent.name}`);
    for (const { source } of intent.turns ?? []) {
      if (!intent.dataSources.includes(source))
        wrong.push(`intent ${intent.name} turns to ${source}, which is not one of its sources`);
    }
    for (const { words } of intent.cues) {
      if (words !== foldName(words)) wrong.push(`cue "${words}" is not folded: no question would match it`);
    }
    for (const permission of intent.requiredPermissions) {
      const [verb, resource] = permission.split(':');
      if (verb !== 'read' || !resource || !resources.has(resource))
        wrong.push(`intent ${intent.name} requires ${permission}, which no source has`);
    }
  }
  for (const [name, source] of Object.entries(pack.sources)) {
    for (const [field, { column }] of Object.entries(source.fields)) {
      const [table = ''] = column.split('.');
      if (!byTable.has(table))
        wrong.push(`field ${field} of ${name} is of ${table}, which needs no permission`);
    }
    if (byTable.get(source.table) !== source.resource)
      wrong.push(`table ${source.table} is of two resources, ${source.resource} and another`);
    for (const [field, { column, sealed }] of Object.entries(source.fields)) {
      if (!sealed) continue;
      const isOwn = column.startsWith(`${source.table}.`);
      const holder = source.subject?.column ?? source.owner;
      if (!isOwn || !holder?.startsWith(`${source.table}.`))
        wrong.push(`field ${field} of ${name} is sealed and not of a table that names its person`);
      const compared = [source.at, source.amount, source.order.column, source.subject?.column];
      const facets = Object.values(source.facets ?? {});
      const conditions = [...Object.values(source.states), ...facets, ...source.usually].map(
        (condition) => condition.column,
      );
      if ([...compared, ...conditions].includes(column))
        wrong.push(`field ${field} of ${name} is sealed and cannot be compared`);
    }
    for (const field of source.list)
      if (!source.fields[field]) wrong.push(`source ${name} lists ${field}, which is not a field`);
    if (source.asks.includes('total') && !source.amount)
      wrong.push(`source ${name} is asked for totals and has no amount`);
    if (source.asks.includes('perDay') && !source.at)
      wrong.push(`source ${name} is asked for days and has no time`);
    wrong.push(...wrongOfShares(pack, name, source));
    const language = source.language ? [{ column: source.language }] : [];
    for (const condition of [...source.usually, ...language, ...Object.values(source.facets ?? {})]) {
      if (!condition.column.startsWith(`${source.table}.`))
        wrong.push(`source ${name} has a condition on another table`);
    }
    for (const word of Object.values(source.facets ?? {}).flatMap(({ values }) =>
      Object.values(values).flat(),
    ))
      if (word !== foldName(word))
        wrong.push(`word "${word}" of ${name} is not folded: no question would match it`);
    for (const tool of source.tools ?? []) {
      if (!/^[a-z_]{3,40}$/.test(tool.name)) wrong.push(`tool ${tool.name} of ${name} is not named [a-z_]+`);
      if (tool.kind === 'lookup' && !source.list.includes(tool.dated))
        wrong.push(`tool ${tool.name} dates rows of ${name} by ${tool.dated}, which it does not list`);
    }
    wrong.push(...wrongOf(pack, name, source));
    for (const locale of ['en', 'pt-BR'] as const) {
      if (!pack.wording[locale].nouns[name]) wrong.push(`source ${name} has no words in ${locale}`);
      for (const kind of (source.tools ?? []).flatMap((tool) =>
        tool.kind === 'judgement' ? tool.finds : [],
      ))
        if (!pack.wording[locale].findings?.[kind]) wrong.push(`finding ${kind} has no words in ${locale}`);
      for (const state of Object.keys(source.states))
        if (!pack.wording[locale].states[state]) wrong.push(`state ${state} has no word in ${locale}`);
    }
  }
  if (!Object.hasOwn(pack.purposes, pack.defaultPurpose))
    wrong.push(`the default purpose ${pack.defaultPurpose} is not declared`);
  for (const [name, { defaultPurpose }] of Object.entries(pack.roles))
    if (defaultPurpose !== undefined && !pack.purposes[defaultPurpose]?.roles.includes(name))
      wrong.push(`the default purpose ${defaultPurpose} is not open to ${name}`);
  for (const name of pack.emergency?.roles ?? [])
    if (!Object.hasOwn(pack.roles, name)) wrong.push(`emergencies are for ${name}, which is not a role`);
  for (const [name, purpose] of Object.entries(pack.purposes)) {
    if (!/^[a-z][a-z_]{0,29}$/.test(name)) wrong.push(`purpose ${name} cannot name a role of the database`);
    for (const role of purpose.roles)
      if (!Object.hasOwn(pack.roles, role)) wrong.push(`purpose ${name} is for ${role}, which is not a role`);
    // Two who know of each other would tell them apart.
    if (purpose.groupMin !== undefined && purpose.groupMin < 3)
      wrong.push(`purpose ${name} tells figures about fewer than three people`);
    for (const resource of purpose.resources)
      if (!resources.has(resource)) wrong.push(`purpose ${name} covers ${resource}, which no source has`);
  }
  for (const [resource, level] of Object.entries(pack.consent.needed)) {
    if (!resources.has(resource)) wrong.push(`consent is needed for ${resource}, which no source has`);
    if (!pack.consent.levels.includes(level))
      wrong.push(`${resource} needs the consent ${level}, which is not a level`);
  }
  for (const locale of ['en', 'pt-BR'] as const)
    for (const reason of pack.emergency?.reasons ?? [])
      if (!pack.wording[locale].emergency?.reasons[reason])
        wrong.push(`nobody can be asked in ${locale} whether it is an emergency for the reason ${reason}`);
  if (pack.bookings !== undefined && !resources.has(pack.bookings))
    wrong.push(`bookings take permission for ${pack.bookings}, which no source has`);
  wrong.push(...wrongOfOrders(pack));
  for (const { source, state } of pack.states) {
    if (!pack.sources[source]?.states[state])
      wrong.push(`words for the state ${state} of ${source}, which is not declared`);
  }
  for (const locale of ['en', 'pt-BR'] as const) {
    for (const { class: kind } of pack.retention)
      if (!pack.wording[locale].classes[kind]) wrong.push(`data of ${kind} have no name in ${locale}`);
    for (const { name } of pack.recipients ?? [])
      if (!pack.wording[locale].recipients?.[name]) wrong.push(`recipient ${name} has no name in ${locale}`);
  }
  for (const limited of ['ai', 'data', 'api']) {
    if (!pack.limits.some((policy) => policy.class === limited)) wrong.push(`nothing limits ${limited}`);
  }
  for (const { name, sources, roles = [], warm } of pack.caches ?? []) {
    if (warm && !roles.includes('public'))
      wrong.push(`cache ${name} is kept warm for visitors, but not theirs`);
    for (const source of sources)
      if (!pack.sources[source]) wrong.push(`cache ${name} is for ${source}, which is not a source`);
    for (const role of roles)
      if (!pack.roles[role]) wrong.push(`cache ${name} is for ${role}, which is not a role`);
  }
  const limits = pack.limits.map(({ name }) => name);
  for (const name of new Set(limits.filter((one, at) => limits.indexOf(one) < at)))
    wrong.push(`two limits are called ${name}`);
  for (const { name, roles = {} } of pack.limits) {
    for (const role of Object.keys(roles))
      if (!pack.roles[role]) wrong.push(`limit ${name} names the role ${role}, which is not declared`);
  }
  // Of periods that are none nothing can be said.
  if (parsed.success) wrong.push(...wrongOfRules(pack));
  if (wrong.length > 0) throw new PackError(`pack ${pack.name} cannot be loaded:\n  ${wrong.join('\n  ')}`);
  return pack;
};

/** What is wrong with how much of a whole something is told to be, and with times that are free. */
const wrongOfShares = (
  { sources, wording }: Pack,
  name: string,
  { asks, shares = {}, timetable, fields, states, provider }: Source,
): string[] => {
  const named = Object.entries(shares).flatMap(([state, whole]) => [state, ...whole]);
  const [who, isAsked] = [timetable && sources[timetable.providers], asks.includes('share')];
  return [
    ...(isAsked && !timetable && named.length === 0
      ? [`source ${name} is asked for shares and has none`]
      : []),
    ...named
      .filter((state) => !Object.hasOwn(states, state))
      .map((state) => `source ${name} has shares of the state ${state}, which is not declared`),
    ...(['en', 'pt-BR'] as const)
      .filter((locale) => isAsked && !wording[locale].shares?.[name])
      .map((locale) => `shares of ${name} have no words in ${locale}`),
    ...(timetable && !(who?.fields['id'] && who.fields['name'] && who.table === provider?.table)
      ? [`times of ${name} are of ${timetable.providers}, which does not name whom they are tied to`]
      : []),
    ...(timetable && !['start', 'end', 'provider'].every((field) => fields[field])
      ? [`times of ${name} have no start, end or provider`]
      : []),
  ];
};

/** What is wrong with how the agenda is changed in a conversation. */
const wrongOfOrders = ({ orders, bookings, intents, sources, wording }: Pack): string[] => {
  const wanting = intents.filter(({ order }) => order).map(({ name }) => name);
  if (!orders) return wanting.map((name) => `intent ${name} changes an agenda, and the pack says not how`);
  const needed: Readonly<Record<string, readonly string[]>> = {
    [orders.people]: ['id', 'name'],
    [orders.providers]: ['id', 'name'],
    [orders.services]: ['name', 'minutes'],
    [orders.bookings]: [
      ...['appointmentId', 'version', 'start', 'end', 'provider', 'service', 'status'],
      orders.whom,
    ],
  };
  return [
    ...(bookings === undefined ? ['orders are there, and nobody may write bookings'] : []),
    ...Object.entries(needed).flatMap(([name, fields]) =>
      fields
        .filter((field) => !sources[name]?.fields[field])
        .map((field) => `orders need ${field} of ${name}, which is no field of it`),
    ),
    ...(sources[orders.providers]?.provider?.table === sources[orders.providers]?.table
      ? []
      : [`orders find providers in ${orders.providers}, which is not tied to itself`]),
    ...(['en', 'pt-BR'] as const)
      .filter((locale) => !wording[locale].orders)
      .map((locale) => `there are no words for orders in ${locale}`),
  ];
};

/** What is wrong with how long data are kept. */
const wrongOfRules = (pack: Pack): string[] => {
  const { aged } = packTables([pack]);
  const classes = pack.retention.map((rule) => rule.class);
  const unruled = (pack.reviewed ?? [])
    .filter((name) => !classes.includes(name))
    .map((name) => `${name} is reviewed and has no rule`);
  const passedOn = (pack.recipients ?? []).flatMap(({ name, classes: given }) =>
    given.filter((one) => !classes.includes(one)).map((one) => `${name} is given ${one}, which has no rule`),
  );
  return pack.retention.flatMap((rule, at) => [
    ...(at === 0 ? [...passedOn, ...unruled] : []),
    ...(classes.indexOf(rule.class) < at ? [`two rules are for ${rule.class}`] : []),
    ...(isBelowLegalMin(rule)
      ? [
          `${'RETENTION_BELOW_LEGAL_MIN' satisfies Code}: ${rule.class} is kept ${rule.keep} and the law wants ${rule.legalMin}`,
        ]
      : []),
    ...(rule.anchor === 'lastEntry' && !rule.person
      ? [`rule ${rule.class} counts from a person's last entry and names no person`]
      : []),
    ...wrongOfColumns(pack, rule),
    ...(rule.unlessReferencedBy ?? [])
      .filter(({ table }) => !aged.includes(table))
      .map(({ table }) => `rule ${rule.class} looks at ${table}, which has no rule of its own`),
  ]);
};

/** What is wrong with what a rule leaves of rows. */
const wrongOfColumns = (
  { sources }: Pack,
  { class: name, action, table, columns = {} }: RetentionRule,
): string[] => {
  const left = Object.entries(columns);
  if (action === 'delete')
    return left.length > 0 ? [`rule ${name} deletes rows and leaves columns of them`] : [];
  if (!table || left.length === 0) return [`rule ${name} leaves rows as they are`];
  const whose = Object.values(sources).find((source) => source.table === table)?.subject?.column;
  const isNamed = whose !== undefined && !Object.hasOwn(columns, columnOf(whose));
  return [
    ...(action === 'anonymise' && isNamed ? [`rule ${name} leaves whose rows of ${table} are`] : []),
    ...(action === 'strip' && left.some(([, one]) => one !== 'nothing')
      ? [`rule ${name} strips columns and leaves something in them`]
      : []),
  ];
};

/** What is wrong with how a source is searched, cites or is for some. */
const wrongOf = (pack: Pack, name: string, source: Source): string[] => {
  const { knowledge, cites, audience, table } = source;
  const columns = [
    ...(knowledge ? [knowledge.title, knowledge.text, knowledge.category.column] : []),
    ...(audience ? [audience.column] : []),
  ];
  const isCiting = cites !== undefined;
  return [
    ...columns
      .filter((column) => !column.startsWith(`${table}.`))
      .map((column) => `source ${name} is searched by ${column}, which is of another table`),
    ...(knowledge && source.subject ? [`source ${name} is searched and about people`] : []),
    ...(isCiting && !pack.sources[cites]?.knowledge
      ? [`source ${name} cites ${cites}, which is not searched`]
      : []),
    ...(['en', 'pt-BR'] as const)
      .filter((locale) => isCiting && !pack.wording[locale].cited)
      .map((locale) => `source ${name} cites and there are no words for it in ${locale}`),
    ...Object.keys(audience?.purposes ?? {})
      .filter((purpose) => !Object.hasOwn(pack.purposes, purpose))
      .map((purpose) => `rows of ${name} are for ${purpose}, which is not a purpose`),
  ];
};

/** Every pack, checked: each folder here that has a pack.ts. Adding one needs no other edit. */
export const packs: readonly Pack[] = await Promise.all(
  readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, 'pack.ts')))
    .map(async ({ name }) => load(((await import(`./${name}/pack.ts`)) as { pack: Pack }).pack)),
);

/** @throws PackError */
export const packOf = (name: string): Pack => {
  const found = packs.find((pack) => pack.name === name);
  if (!found) throw new PackError(`there is no pack ${name}`);
  return found;
};
