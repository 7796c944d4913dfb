import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { claimsIn, type Signer, signStatement } from './statement.ts';

/** A certificate: what came of a privacy request, as it is shown to whoever asked or oversees. It names nobody. */

const claims = z.looseObject({
  v: z.literal(1),
  tenant: z.string(),
  request: z.string(),
  type: z.string(),
  /** What was found in each place, and what became of it. */
  receipts: z.array(z.looseObject({ class: z.string(), table: z.string() })),
});
export type Certificate = z.output<typeof claims>;

/** Beside what it says, in clear, the statement that is signed of it. */
export const shown = claims.extend({ statement: z.string() });
export type Shown = z.output<typeof shown>;

const use = 'certificate 1';

export const signCertificate = (signer: Signer, certificate: Omit<Certificate, 'v'>): Shown => {
  // As it will be read again: moments as text, and nothing that is undefined.
  const said = claims.parse(JSON.parse(JSON.stringify({ v: 1, ...certificate })));
  return { ...said, statement: signStatement(use, signer, said) };
};

/** What a certificate says; undefined where none of the keys signed it, or where it says in clear what was not signed. */
export const certificateOf = (
  keyOf: (kid: string) => KeyObject | undefined,
  { statement, ...clear }: Shown,
): Certificate | undefined => {
  const { data } = claims.safeParse(claimsIn(use, keyOf, statement));
  return data && isDeepStrictEqual(data, clear) ? data : undefined;
};
