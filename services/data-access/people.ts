import type { Plan } from '@jangada/proto/plan.ts';
import type { People, Row } from '@jangada/proto/run.ts';
import type { Transaction } from '@jangada/store/store.ts';
import type { Vault } from '@jangada/vault/vault.ts';

/**
 * Whom the rows of a page are about, by pseudonyms, so that it can be kept who read about whom where nobody may be named.
 * Undefined for figures about nobody by id, and while the tenant has no key of its own.
 */
export const peopleOf = async (
  rows: readonly Row[],
  { filter: { subjectId }, limit }: Pick<Plan, 'filter' | 'limit'>,
  tenant: string,
  vault: Pick<Vault, 'pseudonyms'>,
  keys: Transaction,
): Promise<People | undefined> => {
  const page = rows.slice(0, limit).map((row) => row['_subject']);
  const seen = [...new Set(page.filter((subject) => typeof subject === 'string'))];
  const named = subjectId === undefined ? [] : [subjectId, ...followerOf(subjectId)];
  if (seen.length + named.length === 0) return undefined;
  const all = await vault.pseudonyms(tenant, [...seen, ...named], keys);
  if (all.length === 0) return undefined;
  const [own, next] = all.slice(seen.length);
  return {
    seen: all.slice(0, seen.length),
    ...(own === undefined ? {} : { named: own }),
    ...(next === undefined ? {} : { next }),
  };
};

/** The id that is one higher, as it is written; none where an id does not end in a number. */
const followerOf = (id: string): readonly string[] => {
  const [, before = '', digits] = /^(.*?)(\d{1,15})$/.exec(id) ?? [];
  return digits === undefined ? [] : [`${before}${String(Number(digits) + 1).padStart(digits.length, '0')}`];
};
