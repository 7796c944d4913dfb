import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { openField, type Place, sealField } from '@jangada/vault/field.ts';
import { kindNames } from '../keysets.ts';
import { boot } from './authz.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** Sealed fields and the keys they hang from. */

/** Each service that reads the root key is started without it. */
const withoutRoot = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  // As it runs now, and then without the one thing.
  const pid = ground.journey.system.services.get('data-access')?.pid ?? 0;
  const running = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  const pairs = running.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  const env = Object.fromEntries(pairs.filter(([name]) => name !== 'ENCRYPTION_KEY'));
  const without = await boot('data-access', env);
  const short = await boot('data-access', { ...env, ENCRYPTION_KEY: Buffer.alloc(16).toString('base64') });
  const refused = [without, short].every(
    ({ code, output }) => code !== 0 && /ENCRYPTION_KEY|CONFIG_KEY_MISSING/.test(output),
  );
  return {
    refused,
    code: refused ? 'CONFIG_KEY_MISSING' : undefined,
    holds: refused ? ['refuse_to_start'] : [],
    told: [without.output, short.output],
    note:
      without.output
        .split('\n')
        .find((line) => line.includes('ENCRYPTION_KEY'))
        ?.trim()
        .slice(0, 100) ?? '',
  };
};

/** What a public id of a key shares with the key itself. */
const keyIds = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { keys } = ground.journey.system;
  const texts = kindNames.map((kind) => keys.setOf(kind));
  const all = texts.flatMap(
    (text) => (JSON.parse(text) as { keys: { kid: string; d?: string; k?: string }[] }).keys,
  );
  const secrets = [keys.encryptionKey, ...all.map(({ d, k }) => d ?? k ?? '')];
  // A version counts; it is not derived from anything.
  const ids = all.map(({ kid }) => kid).filter((kid) => !/^\d{1,3}$|^first$/.test(kid));
  const overlaps = ids.filter((kid) =>
    secrets.some((secret) => {
      const bytes = Buffer.from(secret, 'base64url');
      return [secret, bytes.toString('hex'), bytes.toString('base64'), bytes.toString('latin1')].some(
        (form) => form.includes(kid) || (form.length >= 8 && kid.includes(form.slice(0, 8))),
      );
    }),
  );
  return {
    refused: overlaps.length === 0,
    holds: overlaps.length === 0 && ids.length > 0 ? ['no_overlap'] : [],
    note: `${ids.length} key ids`,
  };
};

const place: Place = {
  tenant: 'clinica-aurora',
  table: 'clients',
  column: 'email',
  row: 'cli-1',
  subject: 'cli-1',
};

/** Opens what was sealed for one place after it was changed, or elsewhere; each must be refused. */
const opening =
  (tries: (sealed: Buffer) => readonly (readonly [at: Place, bytes: Buffer])[]) =>
  async (): Promise<Observed> => {
    const key = randomBytes(32);
    const sealed = sealField({ key, version: 1, tenantKeyVersion: 1 }, place, 'ana.lima@exemplo.test');
    const codes = tries(sealed).map(([at, bytes]) => {
      try {
        openField(key, at, bytes);
        return 'opened';
      } catch (error) {
        return error instanceof Unprocessable ? error.code : 'thrown';
      }
    });
    const whole = openField(key, place, sealed) === 'ana.lima@exemplo.test';
    return {
      refused: whole && !codes.includes('opened'),
      code: [...new Set(codes)].join('/'),
      note: `${codes.length} tries`,
    };
  };

/** Bytes in which the first says something else. */
const withVersion = (sealed: Buffer, version: number): Buffer => {
  const other = Buffer.from(sealed);
  other[0] = version;
  return other;
};

export const crypto = area('crypto', [
  [/missing|without (?:a )?(?:root|key)|ENCRYPTION_KEY/i, withoutRoot],
  [/key id|\bkid\b/i, keyIds],
  [
    /version byte|algorithm/i,
    opening((sealed) => [0, 2, 0x0c, 0xff].map((version) => [place, withVersion(sealed, version)])),
  ],
  [
    /truncat|tag|short/i,
    opening((sealed) =>
      [4, 8, 12, 15].map((less) => [place, sealed.subarray(0, sealed.length - 16 + (16 - less))]),
    ),
  ],
  [
    /moved|AAD|another (?:row|column|tenant|place)|swap/i,
    opening((sealed) =>
      (['tenant', 'table', 'column', 'row', 'subject'] as const).map((part) => [
        { ...place, [part]: 'cli-2' },
        sealed,
      ]),
    ),
  ],
  [
    /bit|tamper|alter/i,
    opening((sealed) =>
      Array.from({ length: 8 }, (_, bit) => {
        const other = Buffer.from(sealed);
        const at = 17 + bit;
        other[at] = (other[at] ?? 0) ^ (1 << bit);
        return [place, other] as const;
      }),
    ),
  ],
]);
