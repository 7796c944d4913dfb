import { z } from 'zod';
import { aestheticClinic } from './aesthetic-clinic/pack.ts';
import type { Pack } from './pack.ts';

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
  retention: z.array(z.object({ class: z.string(), days: z.int().positive() })),
});

/**
 * Checks that a pack holds together: every name that one part mentions is declared by another, and everything
 * that can be asked has its query and its words.
 * @throws PackError
 */
export const load = (pack: Pack): Pack => {
  const parsed = shape.safeParse(pack);
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const resources = new Set(Object.values(pack.sources).map((source) => source.resource));

  for (const intent of pack.intents) {
    const [main] = intent.dataSources;
    for (const source of intent.dataSources) {
      if (!pack.sources[source])
        wrong.push(`intent ${intent.name} names the source ${source}, which is not declared`);
    }
    if (!main || !pack.sources[main]?.asks.includes(intent.defaultAsk))
      wrong.push(`No optimization pattern for intent: ${intent.name}`);
    for (const permission of intent.requiredPermissions) {
      const [verb, resource] = permission.split(':');
      if (verb !== 'read' || !resource || !resources.has(resource))
        wrong.push(`intent ${intent.name} requires ${permission}, which no source has`);
    }
  }
  for (const [name, source] of Object.entries(pack.sources)) {
    for (const field of source.list)
      if (!source.fields[field]) wrong.push(`source ${name} lists ${field}, which is not a field`);
    for (const condition of source.usually) {
      if (!condition.column.startsWith(`${source.table}.`))
        wrong.push(`source ${name} has a condition on another table`);
    }
    for (const locale of ['en', 'pt-BR'] as const) {
      if (!pack.wording[locale].nouns[name]) wrong.push(`source ${name} has no words in ${locale}`);
      for (const state of Object.keys(source.states))
        if (!pack.wording[locale].states[state]) wrong.push(`state ${state} has no word in ${locale}`);
    }
  }
  for (const { source, state } of pack.states) {
    if (!pack.sources[source]?.states[state])
      wrong.push(`words for the state ${state} of ${source}, which is not declared`);
  }
  if (wrong.length > 0) throw new PackError(`pack ${pack.name} cannot be loaded:\n  ${wrong.join('\n  ')}`);
  return pack;
};

/** Every pack, checked. */
export const packs: readonly Pack[] = [load(aestheticClinic)];

/** @throws PackError */
export const packOf = (name: string): Pack => {
  const found = packs.find((pack) => pack.name === name);
  if (!found) throw new PackError(`there is no pack ${name}`);
  return found;
};
