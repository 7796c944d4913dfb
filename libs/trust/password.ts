import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Passwords at rest: Argon2id, as `argon2id$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>`, both in base64url. */

const derive = promisify(argon2);
const current = { memory: 19_456, passes: 2, parallelism: 1 };
const format = /^argon2id\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w-]{22,86})\$([\w-]{43,86})$/;

export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16);
  const hash = await derive('argon2id', { ...current, message: password, nonce: salt, tagLength: 32 });
  const { memory, passes, parallelism } = current;
  const encoded = [salt, hash].map((bytes) => bytes.toString('base64url'));
  return `argon2id$m=${memory},t=${passes},p=${parallelism}$${encoded.join('$')}`;
};

/** False too for a hash that is not in our format. */
export const verifyPassword = async (password: string, stored: string): Promise<boolean> => {
  const [, memory, passes, parallelism, salt, hash] = format.exec(stored) ?? [];
  if (!salt || !hash) return false;
  const expected = Buffer.from(hash, 'base64url');
  const actual = await derive('argon2id', {
    message: password,
    nonce: Buffer.from(salt, 'base64url'),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  });
  return timingSafeEqual(actual, expected);
};
