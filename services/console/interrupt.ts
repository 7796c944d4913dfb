import type { Interrupt, ResumeEntry } from '@ag-ui/client';

/**
 * What a run that stopped to ask wants to know (AG-UI 1.0, `RUN_FINISHED` with the outcome `interrupt`), and how it is
 * answered. Pure.
 */

/** What somebody said to it. */
export type Verdict = 'yes' | 'no';

/** One thing to be filled in, as a form shows it. */
export interface Asked {
  readonly name: string;
  readonly label: string;
  readonly hint: string | undefined;
  readonly isRequired: boolean;
  readonly input:
    | { readonly kind: 'text'; readonly minLength?: number; readonly maxLength?: number }
    | { readonly kind: 'number'; readonly min?: number; readonly max?: number; readonly step: number | 'any' }
    | { readonly kind: 'choice'; readonly options: readonly { value: string; label: string }[] }
    | { readonly kind: 'check' };
}

/** Of a JSON Schema, what is read here. */
interface Schema {
  readonly type?: unknown;
  readonly title?: unknown;
  readonly description?: unknown;
  readonly enum?: unknown;
  readonly oneOf?: unknown;
  readonly const?: unknown;
  readonly properties?: unknown;
  readonly required?: unknown;
  readonly minLength?: unknown;
  readonly maxLength?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const limit = <K extends string>(name: K, value: unknown): Partial<Record<K, number>> =>
  (typeof value === 'number' ? { [name]: value } : {}) as Partial<Record<K, number>>;
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const propertiesOf = ({ properties }: Schema): readonly (readonly [name: string, schema: Schema])[] =>
  isObject(properties)
    ? Object.entries(properties).filter((pair): pair is [string, Schema] => isObject(pair[1]))
    : [];

const isRequiredBy = ({ required }: Schema, name: string): boolean =>
  Array.isArray(required) && required.includes(name);

/** The yes or no itself: the first boolean that has to be given. A form shows it as its two buttons. */
const verdictIn = (schema: Schema): string | undefined =>
  propertiesOf(schema).find(
    ([name, { type, const: only }]) => (type === 'boolean' || only === true) && isRequiredBy(schema, name),
  )?.[0];

/** By `oneOf`, which has words for them, rather than by `enum`. */
const optionsOf = ({ enum: values, oneOf }: Schema): readonly { value: string; label: string }[] => {
  if (Array.isArray(oneOf))
    return (oneOf as readonly Schema[]).flatMap(({ const: value, title }) =>
      typeof value === 'string' ? [{ value, label: text(title) ?? value }] : [],
    );
  if (!Array.isArray(values)) return [];
  return values.filter((one) => typeof one === 'string').map((value) => ({ value, label: value }));
};

const inputOf = (schema: Schema): Asked['input'] | undefined => {
  const options = optionsOf(schema);
  if (options.length > 0) return { kind: 'choice', options };
  switch (schema.type) {
    case 'string':
      return {
        kind: 'text',
        ...limit('minLength', schema.minLength),
        ...limit('maxLength', schema.maxLength),
      };
    case 'number':
    case 'integer':
      return {
        kind: 'number',
        ...limit('min', schema.minimum),
        ...limit('max', schema.maximum),
        step: schema.type === 'integer' ? 1 : 'any',
      };
    case 'boolean':
      return { kind: 'check' };
    default:
      return undefined;
  }
};

/** What is to be filled in for a yes; undefined where something is demanded that this page has no field for. */
export const askedBy = ({ responseSchema = {} }: Interrupt): readonly Asked[] | undefined => {
  const schema: Schema = responseSchema;
  const verdict = verdictIn(schema);
  const asked: Asked[] = [];
  for (const [name, property] of propertiesOf(schema)) {
    if (name === verdict) continue;
    const input = inputOf(property);
    const isRequired = isRequiredBy(schema, name);
    if (input)
      asked.push({
        name,
        label: text(property.title) ?? name,
        hint: text(property.description),
        isRequired,
        input,
      });
    else if (isRequired) return undefined;
  }
  return asked;
};

/** What it is about, one by one, where whoever asks says so. */
export const factsOf = ({ metadata }: Interrupt): readonly { name: string; value: string }[] => {
  const facts: unknown = metadata?.['facts'];
  if (!Array.isArray(facts)) return [];
  return facts.filter(
    (fact): fact is { name: string; value: string } =>
      isObject(fact) &&
      'name' in fact &&
      'value' in fact &&
      typeof fact.name === 'string' &&
      typeof fact.value === 'string',
  );
};

/** When it can no longer be answered, in ms since 1970; undefined where it always can. */
export const endOf = ({ expiresAt }: Interrupt): number | undefined => {
  const at = Date.parse(expiresAt ?? '');
  return Number.isNaN(at) ? undefined : at;
};

const filledIn = ({ input }: Asked, given: string | undefined): unknown => {
  if (input.kind === 'check') return given !== undefined;
  if (!given?.trim()) return undefined;
  return input.kind === 'number' ? Number(given) : given.trim();
};

/**
 * Answers one with a yes, and what was filled in by name. What was left empty is left out.
 * Without a yes and no in its schema, that it is answered at all is the yes.
 */
export const accepted = (interrupt: Interrupt, given: Readonly<Record<string, string>>): ResumeEntry => {
  const verdict = verdictIn(interrupt.responseSchema ?? {});
  const values = (askedBy(interrupt) ?? []).flatMap((asked) => {
    const value = filledIn(asked, given[asked.name]);
    return value === undefined ? [] : [[asked.name, value] as const];
  });
  return {
    interruptId: interrupt.id,
    status: 'resolved',
    payload: { ...(verdict === undefined ? {} : { [verdict]: true }), ...Object.fromEntries(values) },
  };
};

/** A no needs nothing filled in, and may come when it is too late for a yes. */
export const declined = ({ id }: Interrupt): ResumeEntry => ({ interruptId: id, status: 'cancelled' });
