import { type KeyObject, sign, verify } from 'node:crypto';

/** What somebody says, signed: `<payload>.<key's id>.<signature>`, base64url but for the id. Signed for one use, it serves no other. */

export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

const signed = (use: string, payload: string): Buffer => Buffer.from(`jangada ${use}\0${payload}`);

export const signStatement = (use: string, { kid, key }: Signer, claims: object): string => {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${kid}.${sign(null, signed(use, payload), key).toString('base64url')}`;
};

/** What a statement says; undefined where none of the keys signed it for this use, or it is none. */
export const claimsIn = (
  use: string,
  keyOf: (kid: string) => KeyObject | undefined,
  statement: string,
): unknown => {
  const [payload = '', kid = '', signature = '', ...rest] = statement.split('.');
  const key = keyOf(kid);
  const bytes = Buffer.from(signature, 'base64url');
  // Base64 says the same bytes in several ways, and a statement has one.
  if (!key || rest.length > 0 || bytes.toString('base64url') !== signature) return undefined;
  if (!verify(null, signed(use, payload), key, bytes)) return undefined;
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
};
