import { createHash, createHmac } from 'node:crypto';
import { token } from '@jangada/proto/message.ts';

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

/** The id inside for an id outside. One that is the caller's own already stays as it is. */
export const ownedId = (key: Buffer, kind: 'run' | 'session', owner: Owner, given: string): string => {
  const seal = createHmac('sha256', key).update(`${kind}|${owner.tenant}|${owner.subject}`);
  const tag = `_${seal.digest('base64url').slice(0, 10)}`;
  if (given.endsWith(tag) && token.test(given)) return given;
  return `${plain.test(given) ? given : createHash('sha256').update(given).digest('base64url').slice(0, 22)}${tag}`;
};
