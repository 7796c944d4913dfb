import type { Code } from '@jangada/proto/errors.ts';
import type { z } from 'zod';
import { depthMax, keysMax, valuesMax } from './bounds.ts';
import { Refusal } from './refusal.ts';

/**
 * What clients send becomes values here: first JSON within bounds, then the shape that a schema wants. A refusal
 * names the field and never what was in it.
 */

/** One value of a message and where it stands. */
interface Place {
  readonly value: unknown;
  readonly key: string;
  readonly depth: number;
  readonly within: Place | undefined;
}

const strict = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON. Bounded in depth and number; without keys that reach a prototype, numbers that a double does not hold,
 * or halves of characters.
 * @throws Refusal `unreadable` for what is no JSON, INPUT_INVALID for the rest
 */
export const readJson = (bytes: Uint8Array, unreadable: Code): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(strict.decode(bytes));
  } catch {
    throw new Refusal(unreadable);
  }
  bound(value);
  return value;
};

const bound = (root: unknown): void => {
  const places: Place[] = [{ value: root, key: '', depth: 0, within: undefined }];
  let count = 0;
  for (let place = places.pop(); place; place = places.pop()) {
    const { value, depth } = place;
    if (++count > valuesMax || depth > depthMax || !isSound(value)) throw unsound(place);
    if (typeof value !== 'object' || value === null) continue;
    const entries = Object.entries(value);
    if (!Array.isArray(value) && entries.length > keysMax) throw unsound(place);
    for (const [key, each] of entries) {
      const inner = { value: each, key, depth: depth + 1, within: place };
      if (reachesPrototype(key, each)) throw unsound(inner);
      places.push(inner);
    }
  }
};

/** JSON writes 1e309 and 2^53 + 1 as numbers; read, the one is infinite and the other somebody else's id. */
const isSound = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'number') return true;
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
};

const reachesPrototype = (key: string, value: unknown): boolean =>
  key === '__proto__' ||
  (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'));

const unsound = (place: Place): Refusal => {
  const path: string[] = [];
  for (let at: Place | undefined = place; at?.within; at = at.within) path.unshift(at.key);
  return new Refusal('INPUT_INVALID', fieldOf(path));
};

/** A name that can be told back. Whatever else a client wrote for a name may be anything, also somebody's data. */
const tellable = /^(?:[A-Za-z_]\w{0,39}|\d{1,5})$/;
const pathMax = 8;

const fieldOf = (path: readonly PropertyKey[]): { field?: string } =>
  path.length === 0
    ? {}
    : {
        field: path
          .slice(0, pathMax)
          .map((part) => (tellable.test(String(part)) ? String(part) : '*'))
          .join('.'),
      };

/**
 * Reads a value by a schema. Null is absent: clients in other languages write it for what they leave out.
 * @throws Refusal INPUT_INVALID for a field that the schema does not know, `otherwise` for one that is missing or wrong
 */
export const shaped = <S extends z.ZodType>(
  schema: S,
  value: unknown,
  otherwise: Code = 'INPUT_INVALID',
): z.output<S> => {
  const { success, data, error } = schema.safeParse(withoutNulls(value));
  if (success) return data;
  throw misshapen(error, otherwise);
};

/** The refusal of what a schema found wrong. */
export const misshapen = (error: z.ZodError | undefined, otherwise: Code = 'INPUT_INVALID'): Refusal => {
  const issue = error?.issues[0];
  if (issue?.code !== 'unrecognized_keys') return new Refusal(otherwise, fieldOf(issue?.path ?? []));
  return new Refusal('INPUT_INVALID', fieldOf([...issue.path, ...issue.keys.slice(0, 1)]));
};

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== null)
      .map(([key, each]) => [key, withoutNulls(each)]),
  );
};
