import { createDecipheriv, hkdfSync } from 'node:crypto';
import { type Kysely, sql } from 'kysely';

/**
 * Secrets of second factors are sealed as every other field is, for a subject of their own: whoever has their data erased, and
 * stays, keeps what lets them in. Until now they stood under the root key itself. A zero before those says so, and
 * deploy/migrate.ts seals them anew before PostgreSQL proves that none is left. A factor is named by its account, as `id`: what
 * seals rows knows them by that.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table second_factors rename column account_id to id;
    alter table second_factors
      add column subject_id text not null generated always as ('factor:' || id) stored,
      alter column secret type bytea using '\\x00'::bytea || secret,
      alter column pending type bytea using '\\x00'::bytea || pending;
    alter table second_factors
      add constraint second_factors_secret_is_sealed
        check (secret is null or length(secret) >= 49 and substr(secret, 1, 1) = '\\x01'::bytea) not valid,
      add constraint second_factors_pending_is_sealed
        check (pending is null or length(pending) >= 49 and substr(pending, 1, 1) = '\\x01'::bytea) not valid;
  `.execute(db);
};

const [markBytes, formBytes, nonceBytes, tagBytes] = [1, 1, 12, 16];

/**
 * What a marked secret says: `00 | 01 | nonce 12 | ciphertext | tag 16`, AES-256-GCM under a key derived from the root key.
 * @throws Error when none of the root keys opens it for this account
 */
export const secretBefore = (rootKeys: readonly Buffer[], account: string, marked: Buffer): string => {
  const bytes = marked.subarray(markBytes + formBytes);
  for (const root of rootKeys) {
    const key = Buffer.from(hkdfSync('sha256', root, '', 'jangada second factor 1', 32));
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
      .setAAD(Buffer.from(account))
      .setAuthTag(bytes.subarray(-tagBytes));
    try {
      return Buffer.concat([
        decipher.update(bytes.subarray(nonceBytes, -tagBytes)),
        decipher.final(),
      ]).toString();
    } catch {
      // Another root key may be the one.
    }
  }
  throw new Error('a second factor was sealed under a root key that is not given');
};
