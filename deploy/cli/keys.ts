import { join } from 'node:path';
import { readConfig } from '@jangada/config/config.ts';
import type { KeyClass } from '@jangada/vault/keys.ts';
import type { Kind } from '@jangada/vault/rotate.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type Jwk,
  type KindName,
  kindNames,
  kinds,
  leadMs,
  readSet,
  retired,
  rotated,
  setText,
} from '../keysets.ts';
import { home, NotRunning, readLocal } from '../local.ts';
import { putGrantKeys } from '../migrate.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print, remark, table } from './output.ts';
import { publishFolder, replaceSet } from './replace.ts';
import {
  generateVaultKeys,
  listVaultKeys,
  retireVaultKeys,
  rotateVaultKeys,
  shredVaultKeys,
  vaultKinds,
} from './vault-keys.ts';

interface Options extends Format {
  readonly keys: string;
  readonly tenant?: string;
}

interface RotateOptions extends Options {
  readonly lead?: number;
  readonly overlap?: number;
  readonly due?: boolean;
}

interface RetireOptions extends Options {
  readonly force?: boolean;
}

/** One key as it is listed; never the key itself. */
interface Listed {
  readonly kind: string;
  readonly key: string;
  readonly state: 'next' | 'current' | 'previous' | 'ended' | 'frozen' | 'destroyed';
  readonly notBefore: string;
  readonly notAfter: string;
  /** Keys under it, where keys are under keys. */
  readonly protects?: number;
}

/** How the keys of one kind are replaced. */
interface Ceremony {
  readonly says: string;
  rotate(options: RotateOptions): Promise<readonly Listed[]>;
  retire(options: RetireOptions): Promise<readonly Listed[]>;
  list(options: Options): Promise<readonly Listed[]>;
}

const listed = (kind: string, keys: readonly Jwk[], now = new Date().toISOString()): Listed[] => {
  const begun = keys.filter(({ notBefore, notAfter }) => notBefore <= now && now < notAfter);
  const current = begun.toSorted((a, b) => (a.notBefore < b.notBefore ? 1 : -1))[0];
  const stateOf = (key: Jwk): Listed['state'] => {
    if (key === current) return 'current';
    if (key.notBefore > now) return 'next';
    return now < key.notAfter ? 'previous' : 'ended';
  };
  return keys.map((key) => ({
    kind,
    key: key.kid,
    state: stateOf(key),
    notBefore: key.notBefore,
    notAfter: key.notAfter,
  }));
};

/** PostgreSQL verifies grants by keys of its own. */
const tellDatabases = async (keys: readonly Jwk[]): Promise<void> => {
  const { DATABASE_TENANT_URLS } = readConfig(['DATABASE_TENANT_URLS']);
  for (const url of [readLocal(['databaseUrl']).databaseUrl, ...Object.values(DATABASE_TENANT_URLS)])
    await putGrantKeys(url, setText(keys));
};

const replace = async (
  folder: string,
  kind: KindName,
  order: 'verifiers first' | 'verifiers last',
  plan: (known: readonly Jwk[]) => readonly Jwk[],
): Promise<readonly Listed[]> => {
  await using operator = 'use' in kinds[kind] ? await openOperator() : undefined;
  const tell = kind === 'database-grant' ? { tell: tellDatabases } : {};
  return listed(kind, await replaceSet(folder, kind, { plan, order, nc: operator?.nc, ...tell }));
};

/** Keys that are sets in files: what signs, seals grants and seals bodies. */
const ofSet = (kind: KindName): Ceremony => ({
  says: kinds[kind].says,
  rotate: async ({ keys: folder, lead, overlap, due }) => {
    if (due)
      throw new Failure(`keys of ${kind} say themselves until when they serve; rotate them without --due`);
    const overlapMs = overlap === undefined ? kinds[kind].overlapMs : overlap * 1_000;
    if (overlapMs < kinds[kind].longestMs)
      throw new Failure(
        `what a key of ${kind} made may live for ${kinds[kind].longestMs / 1_000} s: an overlap may not be shorter`,
      );
    const after = { leadMs: lead === undefined ? leadMs : lead * 1_000, overlapMs };
    return replace(folder, kind, 'verifiers first', (known) => rotated(kind, known, after));
  },
  retire: ({ keys: folder, force = false }) =>
    replace(folder, kind, 'verifiers last', (known) => retired(kind, known, { force })),
  list: async ({ keys: folder }) => listed(kind, readSet(folder, kind)),
});

/** Keys of sealed fields: everything they protect is moved to the new version, and then the old one is out of use. */
const ofVault = (kind: Kind): Ceremony => ({
  says: vaultKinds[kind],
  rotate: async ({ tenant, due }) => {
    const done = await rotateVaultKeys(kind, { ...(tenant ? { tenant } : {}), ...(due ? { due } : {}) });
    for (const one of done)
      remark(
        'notDue' in one ? `${one.tenant}: not due` : `${one.tenant}: ${one.moved} moved, ${one.left} left`,
      );
    return (await listVault(tenant)).filter((key) => key.kind === kind);
  },
  retire: async ({ tenant }) => {
    for (const one of await retireVaultKeys(kind, tenant))
      remark(`${one.tenant}: ${one.retired} retired, ${one.left} left under older versions`);
    return (await listVault(tenant)).filter((key) => key.kind === kind);
  },
  list: async ({ tenant }) => (await listVault(tenant)).filter((key) => key.kind === kind),
});

const listVault = async (tenant: string | undefined): Promise<Listed[]> =>
  (await listVaultKeys(tenant)).map(({ kind, tenant: of, version, id, state, since, protects }) => ({
    kind,
    key: [of, version, id].filter(Boolean).join(' '),
    state,
    notBefore: since,
    notAfter: '',
    protects,
  }));

/** Every kind of key that can be replaced while the system runs. */
const ceremonies: Readonly<Record<string, Ceremony>> = {
  ...Object.fromEntries((Object.keys(vaultKinds) as Kind[]).map((kind) => [kind, ofVault(kind)])),
  ...Object.fromEntries(kindNames.map((kind) => [kind, ofSet(kind)])),
};

const ceremonyOf = (kind: string): Ceremony => {
  const ceremony = ceremonies[kind];
  if (ceremony) return ceremony;
  throw new InvalidArgumentError(`a kind of key: ${Object.keys(ceremonies).join(', ')}`);
};

const secondsOf = (text: string): number => {
  const value = Number(text);
  if (text !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('a number of seconds');
};

const show = (format: Format, keys: readonly Listed[]): void =>
  print(format, keys, () =>
    table(
      ['kind', 'key', 'state', 'from', 'until', 'protects'],
      keys.map(({ kind, key, state, notBefore, notAfter, protects }) => [
        kind,
        key,
        state,
        notBefore,
        notAfter,
        protects ?? '',
      ]),
    ),
  );

const tenantOption = (): Option => new Option('--tenant <tenant>', 'one tenant’s keys; all otherwise');

const folderOption = (): Option =>
  new Option('--keys <folder>', 'folder of the key sets and of the root that signs the ring').default(
    join(home(), 'keys'),
    'that of the local system',
  );

const kindArgument = Object.entries(ceremonies)
  .map(([kind, { says }]) => `${kind} (${says})`)
  .join('; ');

export const keysCommand = (): Command =>
  new Command('keys')
    .description('keys and their rotation')
    .addCommand(
      new Command('list')
        .description('every key, whether it serves, and until when')
        .addOption(tenantOption())
        .addOption(folderOption())
        .addOption(jsonOption())
        .action(async (options: Options) => {
          const ofSets = await Promise.all(kindNames.map((kind) => ceremonyOf(kind).list(options)));
          // Those of fields are in the database; the others are listed where nothing runs, too.
          const ofFields = await listVault(options.tenant).catch((error: unknown) => {
            if (!(error instanceof NotRunning)) throw error;
            remark('keys of fields are not listed: no running system found');
            return [];
          });
          show(options, [...ofFields, ...ofSets.flat()]);
        }),
    )
    .addCommand(
      new Command('rotate')
        .description('makes a new key; the old one serves beside it for a while')
        .argument('[kind]', kindArgument, ceremonyOf)
        .option('--due', 'only keys of tenants that are older than AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS')
        .addOption(tenantOption())
        .option('--lead <seconds>', 'until the new key is used', secondsOf)
        .option('--overlap <seconds>', 'how long the old key serves beside it', secondsOf)
        .addOption(folderOption())
        .addOption(jsonOption())
        .action(async (ceremony: Ceremony | undefined, options: RotateOptions) => {
          const chosen = ceremony ?? (options.due ? ceremonyOf('tenant') : undefined);
          if (!chosen) throw new Failure(`name a kind of key: ${Object.keys(ceremonies).join(', ')}`);
          show(options, await chosen.rotate(options));
        }),
    )
    .addCommand(
      new Command('retire')
        .description('drops the keys of which nothing can be met any more')
        .argument('<kind>', kindArgument, ceremonyOf)
        .addOption(tenantOption())
        .option('--force', 'drops every old key at once: what it signed is refused, what it sealed is lost')
        .addOption(folderOption())
        .addOption(jsonOption())
        .action(async (ceremony: Ceremony, options: RetireOptions) =>
          show(options, await ceremony.retire(options)),
        ),
    )
    .addCommand(
      new Command('publish')
        .description('has the key ring say what the folder holds and nothing else')
        .addOption(folderOption())
        .addOption(jsonOption())
        .action(async (options: Options) => {
          await using operator = await openOperator();
          const published = await publishFolder(options.keys, operator.nc);
          print(options, { published }, () => (published ? 'published' : 'it says so already'));
        }),
    )
    .addCommand(
      new Command('generate')
        .description('makes the keys of tenants that have none yet')
        .option('--all-tenants', 'every tenant; one otherwise, which --tenant names')
        .addOption(tenantOption())
        .addOption(jsonOption())
        .action(async (options: Format & { tenant?: string; allTenants?: boolean }) => {
          if (!options.tenant && !options.allTenants) throw new Failure('name a --tenant, or --all-tenants');
          const made = await generateVaultKeys(options.allTenants ? undefined : options.tenant);
          print(options, made, () =>
            table(
              ['tenant', 'keys'],
              made.map((one) => [one.tenant, one.made ? 'made' : 'there already']),
            ),
          );
        }),
    )
    .addCommand(
      new Command('shred')
        .description('destroys the keys of one person; what was sealed with them can never be read again')
        .requiredOption('--tenant <tenant>', 'whose person')
        .requiredOption('--subject <id>', 'the person')
        .addOption(
          new Option('--class <class>', 'clinical only where no law makes us keep it')
            .choices(['discretionary', 'clinical'])
            .default('discretionary'),
        )
        .addOption(jsonOption())
        .action(async (options: Format & { tenant: string; subject: string; class: KeyClass }) => {
          const keys = await shredVaultKeys(options);
          print(options, { destroyed: keys }, () => `destroyed ${keys.join(', ')}`);
        }),
    );
