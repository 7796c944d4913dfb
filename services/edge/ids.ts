import { createHash, createHmac } from 'node:crypto';
import { token } from '@jangada/proto/message.ts';
import { LRUCache } from 'lru-cache';

/**
 * Ids of runs and sessions that a client chose become subject tokens that hold their owner: a keyed tag of tenant
 * and account ends each. Whatever id somebody sends leads to a run of their own or to none, so there is no
 * ownership to look up and no foreign id to guess.
 */
export interface Owner {
  readonly tenant: string;
  readonly subject: string;
}

const plain = /^[A-Za-z0-9-]{1,40}$/;
const tagLength = 11;

/** What the owner may call a run from outside, and called it, if they had given it a name that could stay. */
export const nameOf = (id: string): string => {
  const name = id.slice(0, -tagLength);
  return plain.test(name) ? name : id;
};

/** Maps an id outside to the id inside. One that is the caller's own already stays as it is. */
export const openIds = (key: Buffer): ((kind: 'run' | 'session', owner: Owner, given: string) => string) => {
  const tags = new LRUCache<string, string>({ max: 10_000 });
  const tagOf = (owned: string): string => {
    const known = tags.get(owned);
    if (known) return known;
    const tag = `_${createHmac('sha256', key)
      .update(owned)
      .digest('base64url')
      .slice(0, tagLength - 1)}`;
    tags.set(owned, tag);
    return tag;
  };
  return (kind, { tenant, subject }, given) => {
    const tag = tagOf(`${kind}|${tenant}|${subject}`);
    if (given.endsWith(tag) && token.test(given)) return given;
    const name = plain.test(given)
      ? given
      : createHash('sha256').update(given).digest('base64url').slice(0, 22);
    return `${name}${tag}`;
  };
};
